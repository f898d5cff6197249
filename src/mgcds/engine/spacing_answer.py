"""The answer to `spacing`: every pair of dose times on a 24-hour circle against a table of intervals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mgcds.chart.facts import MEDICATIONS, Times, Use
from mgcds.clock import forward, parse_time_of_day, time_of_day
from mgcds.engine.answer import Answer, Because, absent, not_known
from mgcds.engine.asking import Asking
from mgcds.engine.products import route_of
from mgcds.language.find import Spacing
from mgcds.language.library import Asked
from mgcds.language.tables import Interval, IntervalTable

NO_PAIR = "no such pair on a common day"
WORST_FIRST = ("never together", "too close", "times unknown", "close", "apart")


@dataclass(frozen=True, slots=True)
class Pair:
    """A drug and a product that are taken on a common day, and how they stand."""

    word: str
    drug: Use
    product: Use
    row: Interval


def spacing(ask: Asking, asked: Asked, question: Spacing) -> Answer:
    """The worst pair; at order hooks only pairs with a draft in them (at order-select, a selected one)."""
    of = ask.answer(asked, question.spacing)
    if not of.known or not ask.supplied(MEDICATIONS, question):
        return not_known(asked.key, of.why)
    drugs = ask.shelves.uses(question.from_) if of.uses else ()
    if not drugs:
        return absent(asked.key, NO_PAIR)
    table = ask.library.intervals[str(question.intervals)]
    if question.by:
        drugs = tuple(use for use in drugs if route_of(use) in question.by)
    pairs = [
        Pair(word, drug, product, row)
        for drug in drugs
        for product in of.uses
        if drug.reference != product.reference and ask.in_focus((drug, product))
        for row in table.rows
        if str(row.drug) in drug.medicine.classes and _row_fits(row, product)
        for word in _words(row, drug, product)
    ]
    if not pairs:
        return absent(asked.key, NO_PAIR)
    worst = min(pairs, key=lambda pair: (WORST_FIRST.index(pair.word), pair.drug.reference, pair.product.reference))
    drug, product, row = worst.drug, worst.product, worst.row
    safe = _safe_time(ask, question, product, table)
    parts = {
        "drug": drug.medicine.name, "product": product.medicine.name,
        "drug_times": shown(drug), "product_times": shown(product),
        "label_minimum": length(row.product_after.count) if row.product_after else "none",
        "interval": interval(row), "safe_time": safe or "",
    }  # fmt: skip
    because = tuple(Because(use.reference, word=f"{use.medicine.name} {shown(use)}") for use in (drug, product))
    why = f"{drug.medicine.name} at {parts['drug_times']}, {product.medicine.name} at {parts['product_times']}: {worst.word}"
    return Answer(
        asked.key,
        True,
        True,
        word=worst.word,
        names=(drug.medicine.name,),
        because=because,
        drafted=drug.drafted or product.drafted,
        focus=True,
        uses=(drug, product),
        parts=parts,
        why=why,
    )


def _row_fits(row: Interval, product: Use) -> bool:
    return row.with_ is None or str(row.with_) in product.medicine.classes


def _words(row: Interval, drug: Use, product: Use) -> Iterator[str]:
    """How each pair of dosages with a common day stands."""
    for one in drug.times or (Times(),):
        for other in product.times or (Times(),):
            if one.weekdays is not None and other.weekdays is not None and not one.weekdays & other.weekdays:
                continue
            if row.never_together:
                yield "never together"
            elif one.minutes is None or other.minutes is None:
                yield "times unknown"
            else:
                yield from (gap_word(row, first, second) for first in one.minutes for second in other.minutes)


def gap_word(row: Interval, drug: int, product: int) -> str:
    """How one dose of the drug and one of the product stand (minutes after midnight)."""
    after, before = forward(drug, product), forward(product, drug)
    if (row.product_after and after < row.product_after.count) or (row.drug_after and before < row.drug_after.count):
        return "too close"
    if after == 0:  # the same minute is never apart, whatever the row asks
        return "too close"
    return "close" if row.better and after < row.better.count else "apart"


def _safe_time(ask: Asking, question: Spacing, product: Use, table: IntervalTable) -> str | None:
    """The first time of the table that is apart from every dose of every drug in it: far from one, it may be near another.

    None where the product must never be taken with one of them, or a time is not written.
    """
    doses: list[tuple[Interval, int]] = []
    for row in table.rows:
        for drug in ask.shelves.uses((str(row.drug),)) if _row_fits(row, product) else ():
            if drug.reference == product.reference or (question.by and route_of(drug) not in (None, *question.by)):
                continue
            if row.never_together or not drug.times or any(times.minutes is None for times in drug.times):
                return None
            doses += [(row, minute) for times in drug.times for minute in times.minutes or ()]
    for text in table.move_to:
        minute = parse_time_of_day(str(text))
        if minute is not None and all(gap_word(row, dose, minute) == "apart" for row, dose in doses):
            return time_of_day(minute)
    return None


def shown(use: Use) -> str:
    """The written times of day, for people."""
    minutes = sorted({minute for times in use.times for minute in times.minutes or ()})
    return ", ".join(time_of_day(minute) for minute in minutes) or "times not recorded"


def length(minutes: int) -> str:
    """ "30 minutes", "1 h", "2 h"."""
    return f"{minutes // 60} h" if minutes % 60 == 0 else f"{minutes} minutes" if minutes < 60 else f"{minutes / 60:g} h"


def interval(row: Interval) -> str:
    """The interval that is asked for, in words."""
    if row.never_together:
        return "not together at any time"
    after = row.better or row.product_after
    parts = []
    if after and after.count:
        parts.append(f"at least {length(after.count)} after it")
    if row.drug_after and row.drug_after.count:
        parts.append(f"at least {length(row.drug_after.count)} before it")
    return " or ".join(parts)
