"""Small, lenient readers of FHIR JSON: anything of the wrong shape reads as nothing."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from mgcds.terminology import Coding, canonical_system
from mgcds.units import decimal, normal_unit

Resource = dict[str, Any]


def block(value: Any) -> Resource:
    """A JSON object, or an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Resource]:
    """The objects of a list; a single object counts as a list of one."""
    if isinstance(value, dict):
        return [value]
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text(value: Any) -> str:
    """A string, or ""."""
    return value if isinstance(value, str) else ""


def strings(value: Any) -> list[str]:
    """The strings of a list; a single string counts as a list of one."""
    if isinstance(value, str):
        return [value]
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def codings(concept: Any) -> tuple[Coding, ...]:
    """The codings of a CodeableConcept, R5 CodeableReference or bare Coding."""
    value = block(concept)
    if "concept" in value:
        return codings(value["concept"])
    found = items(value.get("coding")) if "coding" in value else [value] if "code" in value else []
    return tuple(
        Coding(canonical_system(coding.get("system")), str(coding["code"]).strip(), text(coding.get("display")))
        for coding in found
        if isinstance(coding.get("code"), str | int) and not isinstance(coding.get("code"), bool)
    )


def concept_text(concept: Any) -> str:
    """The words of a CodeableConcept: its text, else the first display."""
    value = block(concept)
    if "concept" in value:
        return concept_text(value["concept"])
    if text(value.get("text")).strip():
        return text(value["text"]).strip()
    return next((text(c.get("display")).strip() for c in items(value.get("coding")) if text(c.get("display")).strip()), "")


def status_code(value: Any) -> str:
    """A status given as a code (any version) or as a CodeableConcept."""
    if isinstance(value, str):
        return value
    return next((coding.code for coding in codings(value)), "")


def reference(resource: Resource) -> str:
    """ "Type/id", or "" for a resource without an id."""
    kind, identity = text(resource.get("resourceType")), resource.get("id")
    return f"{kind}/{identity}" if kind and isinstance(identity, str | int) and str(identity) else ""


def tail(target: Any) -> str:
    """The last step of a reference, without version: "http://x/Patient/1/_history/2" gives "1", "urn:uuid:a" gives "a"."""
    written = text(block(target).get("reference")) if isinstance(target, dict) else text(target)
    return written.split("/_history")[0].rstrip("/").split("/")[-1].removeprefix("urn:uuid:").removeprefix("urn:oid:")


def quantity(value: Any) -> tuple[Decimal | None, str | None, bool]:
    """(value, unit, contradictory): `unit` is None where it is absent or not understood.

    The code is trusted before the words; two units that we know and that differ contradict each other.
    """
    found = block(value)
    code, shown = normal_unit(found.get("code")), normal_unit(found.get("unit"))
    return decimal(found.get("value")), code or shown, bool(code and shown and code != shown)


def walk(value: Any) -> Iterator[tuple[Resource, str]]:
    """(resource, fullUrl) for everything in a resource, a Bundle, a list, or the old {response, resource} wrapper."""
    todo: list[tuple[Any, str]] = [(value, "")]
    while todo:
        item, url = todo.pop()
        if isinstance(item, list):
            todo.extend((each, "") for each in item)
        elif isinstance(item, dict):
            if item.get("resourceType") == "Bundle":
                todo.extend((entry.get("resource"), text(entry.get("fullUrl"))) for entry in items(item.get("entry")))
            elif isinstance(item.get("resourceType"), str):
                yield item, url
            elif isinstance(item.get("resource"), dict):
                todo.append((item["resource"], text(item.get("fullUrl"))))
