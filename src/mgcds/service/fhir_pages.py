"""A search result of several pages as one Bundle, which says so where pages are missing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from typing import Any

import httpx2

from mgcds.chart.fhir import Resource, block, items, text
from mgcds.clock import parse_moment
from mgcds.service.fhir_query import next_link, next_page
from mgcds.service.fhir_read import Failed, Reader

MOST_PAGES = 10
_DATES = ("effectiveDateTime", "effectiveInstant")


async def follow(
    first: Resource, at: httpx2.URL, *, enough: int | None, reader: Reader, keep: Callable[[Resource], None]
) -> None:
    """Hands the Bundle to `keep`, again after each further page, so that a deadline costs only what is still to come.

    While pages are missing the Bundle has a next link. `enough`: after how many matches, newest first, no more are wanted.
    """
    whole, seen = trimmed(first, enough), {str(at)}
    keep(whole)
    for _ in range(MOST_PAGES - 1):
        link = next_link(whole)
        url = next_page(link, at) if link else None
        if url is None or str(url) in seen:
            return
        seen.add(str(url))
        try:
            page = await reader.page(url, "")
        except Failed:
            return
        at, whole = url, trimmed(_joined(whole, page), enough)
        keep(whole)


def _joined(whole: Resource, page: Resource) -> Resource:
    link = next_link(page)
    links = [each for each in items(whole.get("link")) if each.get("relation") != "next"]
    more = [{"relation": "next", "url": link}] if link else []
    return {**whole, "entry": [*_entries(whole), *_entries(page)], "link": links + more}


def trimmed(bundle: Resource, enough: int | None) -> Resource:
    """The Bundle without what says that there are older results, where it holds as many of the newest as are of use."""
    if enough is None or bundle.get("resourceType") != "Bundle":
        return bundle
    found = [block(entry.get("resource")) for entry in items(bundle.get("entry")) if _is_match(entry)]
    if len(found) < enough or not _newest_first(found):
        return bundle
    links = [each for each in items(bundle.get("link")) if each.get("relation") != "next"]
    return {key: value for key, value in bundle.items() if key != "total"} | {"link": links}


def _newest_first(observations: list[Resource]) -> bool:
    """Whether these were sorted as asked: not every server does it, and then the newest may be on the last page."""
    taken = [parse_moment(_date(each), UTC) for each in observations]
    days = [moment.first for moment in taken if moment is not None]
    return len(days) == len(taken) and days == sorted(days, reverse=True)


def _date(observation: Resource) -> str:
    return next((text(observation[key]) for key in _DATES if observation.get(key)), "")


def _is_match(entry: Resource) -> bool:
    return block(entry.get("search")).get("mode") in (None, "match")


def _entries(bundle: Resource) -> list[Any]:
    entries = bundle.get("entry")
    return entries if isinstance(entries, list) else items(entries)
