"""Answers about medicines: taking, exposure, course, total."""

from __future__ import annotations

from decimal import Decimal

from mgcds.chart.facts import MEDICATIONS, Note, Use
from mgcds.engine.answer import Answer, Because, absent, not_known
from mgcds.engine.asking import NO_MEDICATIONS, Asking
from mgcds.engine.products import merged, names_of, route_of
from mgcds.engine.shelves import EVERY, IN_PLAY, PLACED
from mgcds.engine.spans import FROM_UNKNOWN, hangs_on_unknown, in_span, merged_course
from mgcds.engine.trials_answer import dose_reaches
from mgcds.language.find import Course, Exposure, Taking, Total
from mgcds.language.library import Asked
from mgcds.units import plain, round_half_up

ZERO = Decimal(0)


def taking(ask: Asking, asked: Asked, question: Taking) -> Answer:
    """How many products of some classes are in use."""
    if not ask.supplied(MEDICATIONS, question):
        return not_known(asked.key, NO_MEDICATIONS)
    notes: list[Note] = []
    found: list[Use] = []
    if question.ended:
        pool = ask.shelves.uses(question.taking, PLACED)
    else:
        pool = ask.shelves.uses(question.taking, IN_PLAY, question.only)
    spans = (*question.started, *([question.ended] if question.ended else []))
    if pool and spans and hangs_on_unknown(spans, ask.anchors(asked)):
        return not_known(asked.key, FROM_UNKNOWN)
    for use in pool:
        if question.by and route_of(use) is None:
            notes.append(Note("dosage-unreadable", use.reference))
        elif _fits(ask, asked, question, use):
            found.append(use)
    uses = merged(found) if question.ended else tuple(found)
    if not uses:
        return absent(asked.key, "none on the list", value=ZERO, unit="products", notes=tuple(notes))
    names = names_of(uses)
    starts = [use.start for use in uses if use.start]
    parts = {"count": str(len(uses)), "since": min(starts, key=lambda start: start.first).text if starts else "unknown"}
    return Answer(
        asked.key, True, True, Decimal(len(uses)), unit="products",
        drafted=any(use.drafted for use in uses), focus=ask.in_focus(uses), names=names,
        because=tuple(_started(use) for use in uses), uses=uses, parts=parts,
        notes=tuple(notes), why=f"on the list: {', '.join(names)}",
    )  # fmt: skip


def _started(use: Use) -> Because:
    return Because(use.reference, word=use.medicine.name, date=use.start.text if use.start else "")


def _fits(ask: Asking, asked: Asked, question: Taking, use: Use) -> bool:
    if question.by and route_of(use) not in question.by:
        return False
    if question.not_by and route_of(use) in question.not_by:
        return False
    if question.kind and not set(map(str, question.kind)) & use.medicine.kinds:
        return False
    if question.for_ and not set(map(str, question.for_)) & use.indications:
        return False
    if question.not_for and set(map(str, question.not_for)) & use.indications:
        return False
    if not all(in_span(use.start, span, ask.chart.today, ask.anchors(asked)) for span in question.started):
        return False
    if question.ended and not use.active and not in_span(use.end, question.ended, ask.chart.today, ask.anchors(asked)):
        return False
    if question.supply and (use.supply_days is None or use.supply_days < question.supply.count):
        return False
    return question.dose_at_least is None or dose_reaches(ask.library.tables[str(question.dose_at_least)], use)


def exposure(ask: Asking, asked: Asked, question: Exposure) -> Answer:
    """Days of unbroken use that ends today."""
    if not ask.supplied(MEDICATIONS, question):
        return not_known(asked.key, NO_MEDICATIONS)
    uses = ask.shelves.uses(question.exposure, EVERY)
    days, parts = merged_course(uses, question.courses_merge_within.count, ask.chart.today)
    if not parts:
        return absent(asked.key, "not in use today, or no start written: 0 days", value=ZERO, unit="days")
    begin = min(use.start.text for use in parts if use.start)
    return Answer(
        asked.key, True, days > 0, Decimal(days), unit="days", names=names_of(parts), uses=parts,
        because=tuple(sorted(map(_started, parts), key=lambda because: (because.date, because.reference))),
        focus=ask.in_focus(ask.shelves.uses(question.exposure)),
        why=f"{days} days without a break, from {begin} ({', '.join(names_of(parts))})",
    )  # fmt: skip


def course(ask: Asking, asked: Asked, question: Course) -> Answer:
    """The longest course as written, in days."""
    of = ask.answer(asked, question.course)
    if not of.known:
        return not_known(asked.key, of.why)
    lengths = [(use.length_days, use) for use in of.uses if use.length_days is not None]
    if not lengths:
        return absent(asked.key, "no length of the course is written", unit="days")
    days, use = max(lengths, key=lambda pair: (pair[0], pair[1].reference))
    because = (Because(use.reference, Decimal(days), "days"),)
    return Answer(
        asked.key,
        True,
        True,
        Decimal(days),
        unit="days",
        because=because,
        drafted=of.drafted,
        focus=of.focus,
        uses=(use,),
        why=f"{days} days as written",
    )


def total(ask: Asking, asked: Asked, question: Total) -> Answer:
    """Elemental mg a day; a product that cannot be computed counts 0 and makes it *incomplete*."""
    of = ask.answer(asked, question.from_)
    if not of.known:
        return not_known(asked.key, of.why)
    amount, unit = ZERO, asked.unit
    counted: list[Because] = []
    listed: list[str] = []
    uncounted: list[Use] = []
    assumed: list[Use] = []
    for use in of.uses:
        portions = [portion for portion in use.portions if portion.nutrient == question.total]
        known = [portion.elemental for portion in portions if portion.elemental is not None]
        amount += sum(known, ZERO)
        if not portions or len(known) < len(portions):
            uncounted.append(use)
        if any(portion.basis == "ambiguous" and portion.elemental is not None for portion in portions):
            assumed.append(use)
        if known:
            each = round_half_up(sum(known, ZERO), 2)
            counted.append(Because(use.reference, each, unit))
            listed.append(f"{use.medicine.name} {plain(each)} mg")
    value = round_half_up(amount, 2)
    parts = {
        "products": "; ".join(listed) or "none that could be computed",
        "uncounted": ", ".join(names_of(uncounted)),
        "assumed": ", ".join(names_of(assumed)),
    }
    word = "incomplete" if uncounted else "complete"
    because = tuple(counted) + tuple(Because(use.reference, word="not computable") for use in uncounted)
    why = f"{plain(value)} {unit} elemental ({parts['products']})"
    if uncounted:
        why += f"; dose not computable: {parts['uncounted']}"
    return Answer(
        asked.key,
        True,
        bool(of.uses),
        value,
        unit=unit,
        word=word,
        names=of.names,
        because=because,
        drafted=of.drafted,
        focus=of.focus,
        uses=of.uses,
        parts=parts,
        why=why,
    )
