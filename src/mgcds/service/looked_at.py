"""What data a rule looks at, where they are recorded, and the codes behind them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mgcds.language.find import (
    Booked,
    Course,
    Exposure,
    Has,
    Intake,
    Latest,
    Lowest,
    Patient,
    Pending,
    Question,
    Spacing,
    Table,
    Taking,
    Total,
    Trials,
)
from mgcds.language.library import Asked, Library, LinkedRule
from mgcds.language.words import capital, qualifiers, title_of

_RECORDS = {
    "Observation": "laboratory results and vital signs",
    "Condition": "problem list",
    "Procedure": "procedures",
    "Encounter": "encounters",
    "MedicationRequest": "medication orders",
    "ServiceRequest": "orders",
}


@dataclass(frozen=True, slots=True)
class Looked:
    """A piece of data that a rule looks at."""

    title: str
    where: str
    members: tuple[tuple[str, str], ...]  # ingredients or codes, for those who check


def needed(rule: LinkedRule, library: Library) -> list[Asked]:
    """The questions a rule reaches; those of its own lines first, then what they rest on."""
    rest = [key for key in library.order if key in rule.needs and key not in rule.asked]
    return [library.questions[key] for key in (*dict.fromkeys(rule.asked), *rest)]


def looked(asked: Asked, library: Library) -> Looked:
    unit = f" ({asked.unit})" if _shows_unit(asked) else ""
    parts = [_where(asked, library), *qualifiers(asked.question)]
    parts += ["taken as absent where not supplied"] if asked.question.if_missing else []
    return Looked(capital(title_of(asked, library)) + unit, "; ".join(parts), tuple(_members(asked.question, library)))


def _shows_unit(asked: Asked) -> bool:
    return bool(asked.unit) and isinstance(asked.question, Latest | Lowest | Total | Intake | Patient | Table)


def _where(asked: Asked, library: Library) -> str:
    question = asked.question
    if isinstance(question, Latest | Lowest):
        computed = any(library.terminology.concepts[str(name)].formula for name in question.names())
        which = "lowest" if isinstance(question, Lowest) else "newest"
        return f"{which} result" + (", measured or computed" if computed else "")
    if isinstance(question, Has):
        places = dict.fromkeys(
            _RECORDS.get(place, place) for name in question.has for place in library.terminology.concepts[str(name)].recorded_in
        )
        return ", ".join(places)
    if isinstance(question, Patient):
        return "patient record"
    if isinstance(question, Table):
        return f"table below, by {', '.join(str(column).replace('-', ' ') for column in question.by)}"
    if isinstance(question, Pending):
        return "open orders"
    if isinstance(question, Booked):
        return "open orders and appointments"
    if isinstance(question, Intake):
        return "dietary records"
    if isinstance(question, Total | Course | Spacing):
        other = library.questions[asked.refs[str(question.from_ if isinstance(question, Total) else question.names()[0])]]
        return f"computed from {title_of(other, library)}"
    return "medication orders and statements" + (", drafts too" if isinstance(question, Taking) and not question.only else "")


def _members(question: Question, library: Library) -> Iterator[tuple[str, str]]:
    """Ingredients of drug classes and codes of results: what a reader needs to check the data behind a word."""
    terms = library.terminology
    if isinstance(question, Latest | Lowest):
        for name in question.names():
            codes = ", ".join(coding.code for coding in terms.concepts[str(name)].codes)
            if codes:
                yield f"Codes of {terms.concepts[str(name)].title}", codes
    elif isinstance(question, Taking | Exposure | Trials | Spacing):
        for name in question.from_ if isinstance(question, Spacing) else question.names():
            if str(name) in terms.classes:
                drugs = terms.classes[str(name)]
                yield f"{drugs.title}: {len(drugs.ingredients)} ingredients", ", ".join(sorted(drugs.ingredients))
