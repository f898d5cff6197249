"""Cases beside a rule, the vocabulary or the policy: a chart in the words of a pharmacist, and what is expected."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema

from mgcds.language.literals import CountField, MeasuredField, Names, NumberField, Word, as_text, wrong
from mgcds.language.model import Model
from mgcds.language.reading import ReadBy
from mgcds.language.rule import HOOKS, Hook, Level
from mgcds.source import place_of


def as_ago(value: Any) -> int:
    """ "5 days ago", "today" or "in 7 days" as days before today (negative: to come)."""
    text = as_text(value)
    if text == "today":
        return 0
    if match := re.fullmatch(r"(\d+) days? ago", text):
        return int(match[1])
    if match := re.fullmatch(r"in (\d+) days?", text):
        return -int(match[1])
    raise wrong(f"'{text}' is not a day; write it like 5 days ago, today or in 7 days", text.place)


def as_length(value: Any) -> int:
    """ "30 days" as 30."""
    text = as_text(value)
    if not (match := re.fullmatch(r"(\d+) days?", text)):
        raise wrong(f"'{text}' is not a length; write it like 30 days", text.place)
    return int(match[1])


_TEXT = WithJsonSchema({"type": "string"})
Ago = Annotated[int, ReadBy(as_ago), _TEXT]
Length = Annotated[int, ReadBy(as_length), _TEXT]


class PatientLine(Model):
    """{patient: female, age: 50 years} or {..., age: 6 months}; sex "unknown" and a missing age are allowed."""

    patient: Literal["female", "male", "unknown"]
    age: NumberField | None = None


class LabLine(Model):
    """{lab: serum-magnesium, value: 1.50 mg/dL, taken: 5 days ago}; {lab: egfr, value: "<15 mL/min/1.73m2"} is a limit."""

    lab: Word
    value: MeasuredField
    taken: Ago = 0


class MedicineLine(Model):
    """{taking: a drug, by: oral, since: 90 days ago} or {draft: a drug}; `until` ends it."""

    taking: Word | None = None
    draft: Word | None = None
    by: Word | None = None
    since: Ago | None = None
    until: Ago | None = None
    dose: NumberField | None = None
    per_day: CountField | None = None
    times: Names = ()
    days: Names = ()
    for_: Word | None = Field(default=None, alias="for")
    supply: Length | None = None
    length: Length | None = None


class ProblemLine(Model):
    """{has: ckd-4, since: 500 days ago}; {has: dialysis, done: 10 days ago} is a procedure that is over.

    {adding: ckd-4} is being put on the problem list. {has: pregnancy, answered: 9 days ago} is an answer to a coded question.
    """

    has: Word | None = None
    adding: Word | None = None
    since: Ago | None = None
    done: Ago | None = None
    answered: Ago | None = None


class OrderedLine(Model):
    """{ordered: serum-magnesium}."""

    ordered: Word


class BookedLine(Model):
    """{booked: general-anaesthesia, due: in 7 days}."""

    booked: Word
    due: Ago | None = None


class IntakeLine(Model):
    """{intake: magnesium-intake, value: 200 mg/day, taken: 10 days ago, recorded_for: 3 days}."""

    intake: Word
    value: NumberField
    taken: Ago = 0
    recorded_for: Length = 1


class NotSuppliedLine(Model):
    """{not_supplied: [conditions]}: kinds of data the client did not send."""

    not_supplied: Names


ChartLine = PatientLine | LabLine | MedicineLine | ProblemLine | OrderedLine | BookedLine | IntakeLine | NotSuppliedLine
_LINES: dict[str, type[Model]] = {
    "patient": PatientLine, "lab": LabLine, "taking": MedicineLine, "draft": MedicineLine, "has": ProblemLine,
    "adding": ProblemLine,
    "ordered": OrderedLine, "booked": BookedLine, "intake": IntakeLine, "not_supplied": NotSuppliedLine,
}  # fmt: skip


def _line(value: Any) -> Model:
    found = [key for key in value if key in _LINES] if isinstance(value, dict) else []
    if len(found) != 1:
        raise wrong(f"a chart line starts with one of {', '.join(_LINES)}", place_of(value))
    return _LINES[found[0]].model_validate(value)


class OverriddenLine(Model):
    """{rule: mg-low-ppi, at: warning, on: 30 days ago}: a clinician overrode a card with this finding."""

    rule: Word
    at: Level
    on: Ago


class Case(Model):
    """One case. `expect` is a level, an end state or, in shared files, a block by rule or question.

    `overridden` is what was overridden before for the same patient.
    """

    case: Word
    at: Hook = HOOKS[0]  # type: ignore[assignment]
    chart: tuple[Annotated[Any, ReadBy(_line), WithJsonSchema({"type": "object"})], ...] = ()
    overridden: tuple[OverriddenLine, ...] = ()
    expect: Any
    cards: Names = Field(default=(), description="topics of all cards, in order")
    says: Names = ()
    does_not_say: Names = ()


class Cases(Model):
    """A whole test file: a list of cases."""

    cases: tuple[Case, ...]
