"""Card text: literal words and checked placeholders, compiled when the library is loaded.

`{{ serum_mg }}` prints an answer, `{{ serum_mg.on }}` one thing about it, `{{ mg-limit }}` a shared sentence, and
`{{ low of serum_mg }}` the limit behind a word ("below 1.7 mg/dL"), as the site has it.
An unknown name is a load error: text is never silently left blank, and there is nothing to execute.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mgcds.source import Place, Text

_PLACEHOLDER = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_NAME = re.compile(r"([a-z][a-z0-9_-]*)(?:\.([a-z_]+))?")
_LIMIT = re.compile(r"([a-z0-9][a-z0-9 _-]*?) of ([a-z][a-z0-9_]*)")
Limits = Callable[[str, str], str | None]


@dataclass(frozen=True, slots=True)
class Placeholder:
    """An answer or one thing about it; `attribute` empty prints the answer itself."""

    question: str
    attribute: str = ""


@dataclass(frozen=True, slots=True)
class Template:
    """Compiled text: strings and placeholders in order."""

    parts: tuple[str | Placeholder, ...]
    place: Place

    def placeholders(self) -> tuple[Placeholder, ...]:
        """The placeholders, in order."""
        return tuple(part for part in self.parts if isinstance(part, Placeholder))


def compile_text(text: Text, sentences: dict[str, Text], limits: Limits = lambda *_: None) -> tuple[Template, list[str]]:
    """A template with shared sentences and limits put in, and a message for everything wrong with it.

    `limits` gives the limit behind (word, question) in words, None where there is none.
    """
    parts: list[str | Placeholder] = []
    wrong: list[str] = []
    at = 0
    body = text.strip()
    for match in _PLACEHOLDER.finditer(body):
        parts.append(body[at : match.start()])
        at = match.end()
        inside = match[1].strip()
        name = _NAME.fullmatch(inside)
        if inside in sentences:
            parts.append(str(sentences[inside]).strip())
        elif limit := _LIMIT.fullmatch(inside):
            said = limits(limit[1], limit[2])
            parts.append(said or "")
            if said is None:
                wrong.append(f"'{inside}': '{limit[2]}' has no word or length '{limit[1]}' with a number; correct the name")
        elif name and "-" not in name[1]:
            parts.append(Placeholder(name[1], name[2] or ""))
        elif name:
            wrong.append(f"'{inside}' is no shared sentence; policy.yaml has {', '.join(sorted(sentences)) or 'none'}")
        else:
            wrong.append(f"a card prints, it does not decide: '{{{{ {inside} }}}}' is not a name or name.attribute")
    parts.append(body[at:])
    if re.search(r"\{\{|\}\}|\{%|%\}", "".join(part for part in parts if isinstance(part, str))):
        wrong.append("a card prints, it does not decide: only {{ name }} or {{ name.attribute }} is allowed")
    return Template(tuple(part for part in parts if part != ""), text.place), wrong


_FORBIDDEN = (
    (re.compile(r"\d+\.0(?!\d)(?!\s*%)"), "no trailing zero: 5 mg, not 5.0 mg"),
    (re.compile(r"(?<![\d.])\.\d"), "a leading zero: 0.5 mg, not .5 mg"),
    (re.compile(r"\d(?:mg|mmol|mEq|mL|g|mcg)\b"), "a space between number and unit: 5 mg"),
    (re.compile(r"[µμ]g"), "write mcg"),
    (re.compile(r"\b(?:QD|QOD|TIW|IU|cc)\b"), "write it out: ISMP lists this abbreviation as error-prone"),
    (re.compile(r"[®™]"), "no trade mark signs"),
    (re.compile(r"<[a-zA-Z/!]"), "no HTML"),
)


def lint_text(text: str, never: Mapping[str, str]) -> list[str]:
    """What the text rules for cards (ISMP, Joint Commission) forbid, as ways out; `never`: words the policy forbids."""
    found = [message for pattern, message in _FORBIDDEN if pattern.search(text)]
    return found + [str(message) for word, message in never.items() if re.search(rf"\b{re.escape(word)}\b", text)]
