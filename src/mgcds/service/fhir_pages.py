"""A search result of several pages as one Bundle, which says so where pages are missing."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx2

from mgcds.chart.fhir import Resource, items
from mgcds.service.fhir_newest import trimmed
from mgcds.service.fhir_query import next_link
from mgcds.service.fhir_read import Failed, Reader

MOST_PAGES = 10
_LINK = re.compile(r"[!-\[\]-~]{1,8192}")  # visible ASCII without the backslash


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


def _entries(bundle: Resource) -> list[Any]:
    entries = bundle.get("entry")
    return entries if isinstance(entries, list) else items(entries)


def next_page(link: str, at: httpx2.URL) -> httpx2.URL | None:
    """The address that a link on the page `at` leads to; None where it is another server's: the token never goes there."""
    if not _LINK.fullmatch(link):
        return None
    try:
        url = at.join(link).copy_with(fragment=None)
    except (httpx2.InvalidURL, ValueError):
        return None
    return url if _origin(url) == _origin(at) and not url.userinfo else None


def _origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port  # httpx2 leaves out default ports and writes small letters
