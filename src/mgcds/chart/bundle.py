"""The records of a request by reference: one version of each, in an order that does not depend on how they were sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC
from typing import Any

from mgcds.chart.fhir import Resource, block, canonical, items, last_steps, reference, tail, text
from mgcds.clock import parse_moment

Record = tuple[Resource, str]  # a resource and the fullUrl under which it was sent
_NOTHING: Mapping[str, Resource] = {}


def newest(records: Iterable[Record]) -> list[Record]:
    """One version a resource: the higher version, else the later update, else any, but always the same one."""
    chosen: dict[str, Record] = {}
    versions: dict[str, list[Record]] = {}  # of those that were sent more than once
    for sent in records:
        record = sent if sent[0].get("id") else _named(sent)
        key = reference(record[0]) or canonical(record[0])
        first = chosen.setdefault(key, record)
        if first is not record:
            versions.setdefault(key, [first]).append(record)
    for key, each in versions.items():
        chosen[key] = max(each, key=_age)
    return [chosen[key] for key in sorted(chosen)]


def _named(record: Record) -> Record:
    """A resource without an id takes the one that its fullUrl ends in."""
    resource, url = record
    return ({**resource, "id": tail(url)}, url) if tail(url) else record


def _age(record: Record) -> tuple[int, float, str, str]:
    """What tells versions of a resource apart. Made once for each: written out for each pair, a long one would cost minutes."""
    resource, url = record
    meta = block(resource.get("meta"))
    version = str(meta.get("versionId"))[:18]
    updated = parse_moment(meta.get("lastUpdated"), UTC)
    return (int(version) if version.isdecimal() else -1), (updated.instant if updated else -1.0), canonical(resource), url


class Index:
    """Resources by "Type/id" and by fullUrl; put together when a reference is first followed, as many requests have none."""

    __slots__ = ("_found", "_records")

    def __init__(self, records: Iterable[Record]) -> None:
        self._records = records
        self._found: dict[str, Resource] | None = None

    def get(self, key: str) -> Resource | None:
        """The first resource of that name."""
        if self._found is None:
            self._found = _by_name(self._records)
        return self._found.get(key)


def _by_name(records: Iterable[Record]) -> dict[str, Resource]:
    found: dict[str, Resource] = {}
    for resource, url in records:
        found.setdefault(reference(resource), resource)
        found.setdefault(url, resource)
    found.pop("", None)
    return found


def contained_in(*holders: Resource) -> dict[str, Resource]:
    """What records contain, by id; of two with one id the first."""
    return {str(each.get("id")): each for holder in reversed(holders) for each in reversed(items(holder.get("contained")))}


def follow(index: Index, target: Any, kind: str, inside: Mapping[str, Resource] = _NOTHING) -> Resource | None:
    """The resource that a Reference points to, where it was sent, or is among those `inside` the record that refers.

    `kind` is for a reference that names no type.
    """
    written = text(block(target).get("reference"))
    if written.startswith("#"):
        return inside.get(written[1:])
    return (index.get(written) or index.get(_local(target, kind))) if written else None


def reference_to(index: Index, target: Any, kind: str) -> str:
    """ "Type/id" of what a Reference points to, "" for none; sent along or not."""
    if not text(block(target).get("reference")):
        return ""
    found = follow(index, target, kind)
    return (reference(found) if found else "") or _local(target, kind)


def _local(target: Any, kind: str) -> str:
    """A reference without server and version."""
    local = last_steps(text(block(target).get("reference")))
    return local if "/" in local else f"{kind}/{local}"
