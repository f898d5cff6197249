"""Small, lenient readers of FHIR JSON: anything of the wrong shape reads as nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache
from typing import Any, TypeGuard

from mgcds.terminology import MOST_WORDS, Coding, canonical_system
from mgcds.units import decimal, normal_unit

Resource = dict[str, Any]
_MOST_KEPT = 400  # characters of a coding or a reference; longer ones are read each time, or a caller could fill the memory


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


def words(value: Any) -> str:
    """A name or a code, or ""; one that is too long to be either is not read (`is_overlong` says so)."""
    return value if isinstance(value, str) and len(value) <= MOST_WORDS else ""


def is_overlong(concept: Any) -> bool:
    """Whether a CodeableConcept has more words than are read of one."""
    value = block(concept)
    length = len(text(value.get("text")))
    for coding in items(value.get("coding")):
        length += len(text(coding.get("display")))
    return length > MOST_WORDS


def strings(value: Any) -> list[str]:
    """The strings of a list; a single string counts as a list of one."""
    if isinstance(value, str):
        return [value]
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def codings(concept: Any) -> tuple[Coding, ...]:
    """The codings of a CodeableConcept or bare Coding."""
    value = block(concept)
    sent = value.get("coding")
    # One coding, as nearly all concepts have, is read in less than half the time.
    if isinstance(sent, list) and len(sent) == 1 and isinstance(only := sent[0], dict) and isinstance(only.get("code"), str):
        return _coding(words(only.get("system")), words(only["code"]), words(only.get("display")))
    found = items(sent) if "coding" in value else [value] if "code" in value else []
    return tuple(
        each
        for coding in found
        if isinstance(code := coding.get("code"), (str, int)) and not isinstance(code, bool)
        for each in _coding(words(coding.get("system")), words(str(code)), words(coding.get("display")))
    )


def _coding(system: str, code: str, display: str) -> tuple[Coding]:
    is_usual = len(system) + len(code) + len(display) <= _MOST_KEPT
    return (_kept_coding if is_usual else _new_coding)(system, code, display)


def _new_coding(system: str, code: str, display: str) -> tuple[Coding]:
    return (Coding(canonical_system(system), code.strip(), display),)


_kept_coding = lru_cache(8192)(_new_coding)  # a record repeats its codes; terminology/__init__.py says what such tables save


def concept_text(concept: Any) -> str:
    """The words of a CodeableConcept: its text, else the first display."""
    value = block(concept)
    if said := words(value.get("text")).strip():
        return said
    return next((said for coding in items(value.get("coding")) if (said := words(coding.get("display")).strip())), "")


def status_code(value: Any) -> str:
    """A status given as a code (any version) or as a CodeableConcept, where HL7's own coding is meant."""
    if isinstance(value, str):
        return value
    sent = sorted(codings(value), key=lambda coding: "hl7.org" not in coding.system)
    return next((coding.code for coding in sent), "")


def reference(resource: Resource) -> str:
    """ "Type/id", or "" for a resource without an id."""
    kind, identity = resource.get("resourceType"), resource.get("id")
    if isinstance(kind, str) and isinstance(identity, str):
        return f"{kind}/{identity}" if kind and identity else ""
    kind = text(kind)
    return f"{kind}/{identity}" if kind and isinstance(identity, str | int) and str(identity) else ""


def tail(target: Any) -> str:
    """The last step of a reference, without version: "http://x/Patient/1/_history/2" gives "1", "urn:uuid:a" gives "a"."""
    written = text(target.get("reference")) if isinstance(target, dict) else text(target)
    return (_kept_tail if len(written) <= _MOST_KEPT else _tail)(written) if written else ""


def _tail(written: str) -> str:
    return written.split("/_history")[0].rstrip("/").split("/")[-1].removeprefix("urn:uuid:").removeprefix("urn:oid:")


_kept_tail = lru_cache(8192)(_tail)  # most references of a record name its patient


def last_steps(written: str) -> str:
    """A reference without server and version: "http://x/Patient/1/_history/2" gives "Patient/1", "urn:uuid:a" gives "a"."""
    parts = written.split("/_history")[0].rstrip("/").split("/")
    return "/".join(parts[-2:]) if len(parts) > 1 else tail(written)


def known_units(value: Any) -> tuple[str, ...]:
    """The units of a Quantity that we know: that of its code before that of its words, each once."""
    found = block(value)
    coded, worded = normal_unit(found.get("code")), normal_unit(found.get("unit"))
    if coded and worded and coded != worded:
        return coded, worded
    unit = coded or worded
    return (unit,) if unit else ()


def quantity(value: Any) -> tuple[Decimal | None, str | None, bool]:
    """(value, unit, contradictory): `unit` is None where it is absent or not understood.

    The code is trusted before the words; two units that we know and that differ contradict each other.
    """
    units = known_units(value)
    return decimal(block(value).get("value")), units[0] if units else None, len(units) > 1


def canonical(resource: Resource) -> str:
    """The same words for equal JSON, whatever the order of its keys."""
    try:
        return json.dumps(resource, sort_keys=True, default=str)
    except (RecursionError, TypeError, ValueError):
        return reference(resource)


def unwrapped(value: Any) -> Any:
    """The content of the {response, resource} wrapper of early CDS Hooks, else the value itself."""
    while isinstance(value, dict) and "resourceType" not in value and "resource" in value:
        value = value["resource"]
    return value


def walk(value: Any) -> Iterator[tuple[Resource, str]]:
    """(resource, fullUrl) for everything in a resource, a Bundle, a list, or the old {response, resource} wrapper."""
    todo: list[tuple[Any, str]] = [(value, "")]
    while todo:
        item, url = todo.pop()
        if isinstance(item, list):
            todo.extend((each, "") for each in reversed(item))
        elif isinstance(item, dict):
            kind = item.get("resourceType")
            if kind == "Bundle":
                entries = items(item.get("entry"))
                for number, entry in enumerate(entries):
                    resource = entry.get("resource")
                    if not _is_resource(resource):  # it and what follows wait for their turn
                        todo.extend((each.get("resource"), text(each.get("fullUrl"))) for each in reversed(entries[number:]))
                        break
                    yield resource, text(entry.get("fullUrl"))
            elif isinstance(kind, str):
                yield item, url
            elif isinstance(item.get("resource"), dict):
                todo.append((item["resource"], text(item.get("fullUrl"))))


def plain_entries(value: Any) -> list[tuple[Resource, str]] | None:
    """(resource, fullUrl) for a Bundle of nothing but entries with a resource, as nearly all are; None for anything else.

    What `walk` yields of such a Bundle, and then it holds no rubbish either: its entries are looked at once.
    """
    entries = value.get("entry") if isinstance(value, dict) and value.get("resourceType") == "Bundle" else None
    if not isinstance(entries, list):
        return None
    found = []
    for entry in entries:
        if not isinstance(entry, dict) or "resourceType" in entry:
            return None
        resource = entry.get("resource")
        if not isinstance(resource, dict) or not isinstance(kind := resource.get("resourceType"), str) or kind == "Bundle":
            return None
        found.append((resource, text(entry.get("fullUrl"))))
    return found


def _is_resource(value: Any) -> TypeGuard[Resource]:
    """Whether it is a resource, and not one that holds others."""
    return isinstance(value, dict) and isinstance(kind := value.get("resourceType"), str) and kind != "Bundle"


def holds_rubbish(value: Any) -> bool:
    """Whether a Bundle or a list holds an entry that is no resource at all."""
    content = unwrapped(value)
    entries = content if isinstance(content, list) else block(content).get("entry")
    if not isinstance(entries, list):
        return entries is not None and not isinstance(entries, dict)
    kept = [unwrapped(entry) for entry in entries]
    return any(
        not isinstance(entry, dict)
        or (bool(set(entry) & {"resource", "id"}) and not isinstance(entry.get("resourceType"), str))
        for entry, sent in zip(kept, entries, strict=True)
        if not (isinstance(sent, dict) and sent.get("resource", sent) is None)
    )
