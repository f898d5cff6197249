"""The queries of prefetch templates, and the link to the next page of an answer, as they are written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from mgcds.chart.fhir import Resource, items, text

_TOKEN = re.compile(r"\{\{\s*context\.(\w+)\s*\}\}")
_KEPT = "/?&=,:_-.~$"  # of a template, which is ours; "|" between system and code is encoded


def filled(template: str, context: Mapping[str, Any]) -> str | None:
    """A prefetch template as a relative address; None where a token has no plain value. No value can add to the query."""
    parts = _TOKEN.split(template)  # text, name, text, name, ... text
    made = quote(parts[0], safe=_KEPT)
    for name, after in zip(parts[1::2], parts[2::2], strict=True):
        value = context.get(name)
        if not isinstance(value, str) or value in ("", ".", ".."):  # dots would be a step in a path, even when encoded
            return None
        made += quote(value, safe="") + quote(after, safe=_KEPT)
    return made


def kind_of(template: str) -> str:
    """The resource type that a template asks for."""
    return re.split(r"[/?]", template, maxsplit=1)[0]


def is_search(template: str) -> bool:
    """Whether a template searches, rather than reads one resource."""
    return "?" in template


def enough_of(template: str) -> int | None:
    """After how many matches the rest is of no use; None where every match counts.

    A search for the newest laboratory results asks for as many as rules can use. Of anything else the oldest may still hold.
    """
    match = re.search(r"&_count=(\d+)", template)
    return int(match[1]) if match and kind_of(template) == "Observation" and "&_sort=-date" in template else None


def next_link(bundle: Resource) -> str:
    """The address of a Bundle's next page as written, "" for the last one."""
    return next((text(link.get("url")) for link in items(bundle.get("link")) if link.get("relation") == "next"), "")
