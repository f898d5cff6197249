"""The records of a request by reference: one version of each, in an order that does not depend on how they were sent."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC
from typing import Any

from mgcds.chart.fhir import Resource, block, canonical, items, reference, tail, text
from mgcds.clock import parse_moment

Record = tuple[Resource, str]  # a resource and the fullUrl under which it was sent


def newest(records: Iterable[Record]) -> list[Record]:
    """One version a resource: the higher version, else the later update, else any, but always the same one."""
    chosen: dict[str, Record] = {}
    for sent in records:
        record = sent if sent[0].get("id") else _named(sent)
        key = reference(record[0]) or canonical(record[0])
        other = chosen.setdefault(key, record)
        if other is not record and _is_newer(record, other):
            chosen[key] = record
    return [chosen[key] for key in sorted(chosen)]


def _named(record: Record) -> Record:
    """A resource without an id takes the one that its fullUrl ends in."""
    resource, url = record
    return ({**resource, "id": tail(url)}, url) if not resource.get("id") and tail(url) else record


def _is_newer(one: Record, other: Record) -> bool:
    one_version, other_version = _version(one[0]), _version(other[0])
    if one_version != other_version:
        return one_version > other_version
    return (canonical(one[0]), one[1]) > (canonical(other[0]), other[1])


def _version(resource: Resource) -> tuple[int, float]:
    meta = block(resource.get("meta"))
    version = str(meta.get("versionId"))[:18]
    updated = parse_moment(meta.get("lastUpdated"), UTC)
    return int(version) if version.isdecimal() else -1, updated.instant if updated else -1.0


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


def follow(index: Index, target: Any, kind: str, *holders: Resource) -> Resource | None:
    """The resource that a Reference points to, where it was sent, or is contained in one of the `holders`.

    `kind` is for a reference that names no type.
    """
    written = text(block(target).get("reference"))
    if written.startswith("#"):
        contained = (each for holder in holders for each in items(holder.get("contained")))
        return next((each for each in contained if str(each.get("id")) == written[1:]), None)
    return (index.get(written) or index.get(_local(target, kind))) if written else None


def reference_to(index: Index, target: Any, kind: str) -> str:
    """ "Type/id" of what a Reference points to, "" for none; sent along or not."""
    if not text(block(target).get("reference")):
        return ""
    found = follow(index, target, kind)
    return (reference(found) if found else "") or _local(target, kind)


def _local(target: Any, kind: str) -> str:
    """A reference without server and version."""
    parts = text(block(target).get("reference")).split("/_history")[0].rstrip("/").split("/")
    return "/".join(parts[-2:]) if len(parts) > 1 else f"{kind}/{tail(target)}"
