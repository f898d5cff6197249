"""Which records are one product: links, ids, routes; the newest counts, a draft first."""

from __future__ import annotations

from datetime import date
from typing import Any

from mgcds.chart.facts import Use
from mgcds.clock import on
from mgcds.engine.products import merged
from mgcds.terminology import Terminology


def use(terminology: Terminology, name: str, reference: str, **fields: Any) -> Use:
    return Use(terminology.medicine([], name), reference, True, **fields)


def test_the_same_product_and_route_are_one_and_the_newest_counts(terminology: Terminology) -> None:
    old = use(terminology, "magnesium oxide 400 mg tablet", "MedicationRequest/a", route="oral", recorded=on(date(2026, 1, 1)))
    new = use(terminology, "magnesium oxide 400 mg tablet", "MedicationStatement/b", recorded=on(date(2026, 2, 1)))
    assert merged([old, new]) == merged([new, old]) == (new,)


def test_of_two_records_of_one_day_the_one_that_started_later_counts(terminology: Terminology) -> None:
    day = on(date(2026, 2, 1))
    starts = (("b", on(date(2026, 1, 1))), ("a", on(date(2026, 1, 20))), ("c", None))
    uses = [use(terminology, "magnesium oxide 400 mg tablet", f"MedicationRequest/{name}", recorded=day, start=start)
            for name, start in starts]  # fmt: skip
    assert merged(uses) == merged(uses[::-1]) == (uses[1],)


def test_another_route_strength_or_salt_is_another_product(terminology: Terminology) -> None:
    names = ["magnesium oxide 400 mg tablet", "magnesium oxide 200 mg tablet", "magnesium supplement"]
    uses = [use(terminology, name, f"MedicationRequest/{number}") for number, name in enumerate(names)]
    assert len(merged(uses)) == 3
    topical = use(terminology, names[0], "MedicationRequest/9", route="topical")
    assert len(merged([uses[0], topical])) == 2


def test_linked_records_are_one_whatever_they_are_called(terminology: Terminology) -> None:
    order = use(terminology, "omeprazole 20 mg capsule", "MedicationRequest/old")
    renewal = use(
        terminology,
        "omeprazole 40 mg capsule",
        "MedicationRequest/new",
        drafted=True,
        links=frozenset({"MedicationRequest/old"}),
    )
    assert merged([order, renewal]) == (renewal,)


def test_an_order_revised_in_place_keeps_its_id_and_is_one(terminology: Terminology) -> None:
    order = use(terminology, "magnesium oxide 400 mg tablet", "MedicationRequest/a")
    revised = use(terminology, "magnesium oxide 200 mg tablet", "MedicationRequest/a", drafted=True)
    assert merged([order, revised]) == (revised,)
