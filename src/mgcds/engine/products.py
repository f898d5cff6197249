"""Which records are one product: linked records, else the same product by the same route; the newest wins, a draft first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mgcds.chart.facts import Chart, Use


def route_of(use: Use) -> str | None:
    """The route as written, else the one that the dose form implies."""
    return use.route or use.medicine.form_route


def in_play(chart: Chart, order_hooks: Sequence[str], only: str | None = None) -> tuple[Use, ...]:
    """Active records and, at order hooks, drafts; `only` "active" or "drafts" keeps one sort. One entry a product."""
    drafts_count = chart.hook in order_hooks
    return merged(
        use
        for use in chart.uses
        if (use.drafted and drafts_count and only != "active") or (use.active and not use.drafted and only != "drafts")
    )


def merged(uses: Iterable[Use]) -> tuple[Use, ...]:
    """One use a product, in order of reference."""
    groups: list[list[Use]] = []
    for use in uses:
        same = [group for group in groups if any(_are_one(use, other) for other in group)]
        for group in same:
            groups.remove(group)
        groups.append([use, *(other for group in same for other in group)])
    return tuple(sorted((max(group, key=_rank) for group in groups), key=lambda use: use.reference))


def _are_one(one: Use, other: Use) -> bool:
    if one.reference == other.reference or one.reference in other.links or other.reference in one.links:
        return True  # an order that is revised in place keeps its id
    return one.medicine.key == other.medicine.key and route_of(one) == route_of(other)


def _rank(use: Use) -> tuple[bool, str, str, str]:
    moment = use.recorded or use.start
    return (use.drafted, moment.last.isoformat() if moment else "", use.start.text if use.start else "", use.reference)


def names_of(uses: Iterable[Use]) -> tuple[str, ...]:
    """Names of medicines for people, each once, in order."""
    return tuple(dict.fromkeys(use.medicine.name for use in uses))


def of_classes(uses: Iterable[Use], classes: Iterable[str]) -> tuple[Use, ...]:
    """The uses whose medicine belongs to one of the classes or holds one of the ingredients."""
    wanted = {str(name) for name in classes}
    return tuple(use for use in uses if wanted & use.medicine.classes)
