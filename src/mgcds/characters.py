r"""Half characters in JSON: `\ud83d` without its other half, as text leaves behind that was cut in the middle of an emoji.

RFC 8259 lets a reader do with them what it likes. Kept, they would sink what comes after: neither UTF-8 nor a database can
write them. Refused, a note that somebody cut off would cost the clinician the cards. So each becomes the mark U+FFFD.
"""

from __future__ import annotations

import re

# Two backslashes and whole pairs are passed over, so that what is left is half a character and nothing else.
_ESCAPES = re.compile(
    r"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)


def with_marks(text: str) -> str:
    """JSON text in which every half character is the mark; anything else is as it was."""
    return _ESCAPES.sub(_mark, text) if "\\ud" in text or "\\uD" in text else text


def _mark(match: re.Match[str]) -> str:
    return "\\ufffd" if match["half"] else match[0]
