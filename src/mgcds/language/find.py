"""The fifteen verbs: everything a rule may ask of a chart, typed. Knows nothing of FHIR.

Silence means *not known* where the kind of data was not supplied; `if_missing: assume absent` says otherwise.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, WithJsonSchema

from mgcds.language.durations import (
    AtLeastDays,
    Days,
    DaysField,
    Minutes,
    Span,
    SpanField,
    SpansField,
)
from mgcds.language.literals import CountField, Names, Number, Word, as_text, wrong
from mgcds.language.model import Model
from mgcds.language.reading import ReadBy
from mgcds.language.when import Condition, TestsField, parse
from mgcds.source import Text, place_of


class Question(Model):
    """What every verb may carry."""

    verb: ClassVar[str]
    counts: ClassVar[bool] = False  # with nothing found its number is 0, which is compared
    stores: ClassVar[tuple[str, ...]] = ()  # words the answer itself carries
    prints: ClassVar[tuple[str, ...]] = ()  # what a card may print of it, beside its value

    title: Word | None = Field(default=None, description="what it is about, where the verb cannot tell")
    words: dict[str, TestsField] = Field(default_factory=dict, description="names for kinds of this answer")
    source: Names = Field(default=(), description="sources of the numbers in this question")
    site_may_change: Names = Field(default=(), description="words, and options that hold a number, that a site may change")
    if_missing: Literal["assume absent"] | None = None

    def names(self) -> tuple[Text, ...]:
        """What the verb is asked about: concepts, classes, a question or a table."""
        value = getattr(self, self.verb)
        return value if isinstance(value, tuple) else (value,)

    def lengths(self) -> dict[str, Span | Days | Minutes | Number]:
        """The options that hold a number, by name: {"lasting": 42 days, "ended": within 730 days}; of several the first."""
        first = {name: value[0] if isinstance(value, tuple) and value else value for name, value in self}
        return {name.rstrip("_"): value for name, value in first.items() if isinstance(value, Span | Days | Minutes | Number)}


class Patient(Question):
    """Age in completed years, or sex (male, female) as a word."""

    verb = "patient"
    stores = ("male", "female")
    patient: Literal["age", "sex"]
    as_: Word | None = Field(default=None, alias="as")

    def names(self) -> tuple[Text, ...]:
        return ()


class Latest(Question):
    """The newest result of one concept; of several, the newest of all, the first listed wins a tie."""

    verb = "latest"
    prints = ("on", "computed")
    latest: Names
    as_: Word = Field(alias="as")
    limits: Literal["left out"] | None = Field(default=None, description="a result such as <15 or >60 is passed over")


class Lowest(Question):
    """The lowest result in a span."""

    verb = "lowest"
    prints = ("on",)
    lowest: Names
    as_: Word = Field(alias="as")
    taken: SpanField


class Taking(Question):
    """Products of some classes or ingredients in use: active orders and statements, at order hooks drafts too."""

    verb = "taking"
    counts = True
    prints = ("count", "since")
    taking: Names
    by: Names = ()
    not_by: Names = Field(default=(), description="routes by which it does not count; a route that is not known does")
    kind: Names = ()
    for_: Names = Field(default=(), alias="for")
    not_for: Names = ()
    only: Literal["active", "drafts"] | None = None
    started: SpansField = Field(default=(), description="a span, or several that must all hold")
    ended: SpanField | None = None
    supply: AtLeastDays | None = None
    dose_at_least: Word | None = None


class Exposure(Question):
    """Days of unbroken use of a class that ends today; drafts never count."""

    verb = "exposure"
    counts = True
    prints = ("count",)
    exposure: Names
    courses_merge_within: DaysField


class Course(Question):
    """Length of a course as written, in days; the longest of several."""

    verb = "course"
    course: Word


class Total(Question):
    """Elemental amount of a nutrient a day over all products of a `taking` question."""

    verb = "total"
    counts = True
    stores = ("complete", "incomplete")
    prints = ("products", "uncounted", "assumed")
    total: Word
    from_: Word = Field(alias="from")
    as_: Word = Field(alias="as")


class Trials(Question):
    """Different ingredients tried at an adequate dose for long enough."""

    verb = "trials"
    counts = True
    stores = ("ended", "running", "ended and running")
    prints = ("names", "count")
    trials: Names
    dose_at_least: Word
    lasting: AtLeastDays
    ended: SpanField


class Spacing(Question):
    """The worst pair of dose times of a product and of drugs in a table of intervals, on any common weekday.

    A safe time is the first that the table proposes which is far enough from every drug in it, whatever rule asks.
    """

    verb = "spacing"
    stores = ("never together", "too close", "times unknown", "close", "apart")
    prints = ("drug", "product", "drug_times", "product_times", "label_minimum", "interval", "safe_time")
    spacing: Word
    from_: Names = Field(alias="from")
    by: Names = ()
    intervals: Word


class Has(Question):
    """A condition, procedure or coded flag that is active now; a list: any of them."""

    verb = "has"
    prints = ("since",)
    has: Names
    onset: SpanField | None = None
    onset_unwritten: Literal["today"] | None = None


class Pending(Question):
    """An order that is placed and not yet done."""

    verb = "pending"
    pending: Names


class Booked(Question):
    """A planned procedure or appointment."""

    verb = "booked"
    prints = ("on",)
    booked: Names
    due: SpanField


class Intake(Question):
    """Recorded dietary amount a day, over enough days, with what supplements add."""

    verb = "intake"
    prints = ("on",)
    intake: Word
    within: DaysField
    recorded_for: AtLeastDays | None = None
    plus: Word | None = None


class Table(Question):
    """A number looked up by age, sex or life stage; `times` multiplies it."""

    verb = "table"
    table: Word
    by: Names
    times: CountField = 1


class Line(Model):
    """One line of `first_that_holds`; `when` None is `otherwise`."""

    word: Word
    when: Any = None


def _lines(value: Any) -> tuple[Line, ...]:
    if not isinstance(value, list) or not value:
        raise wrong("first_that_holds: give a list of lines, each word: condition", place_of(value))
    lines: list[Line] = []
    for item in value:
        if not isinstance(item, dict) or len(item) != 1:
            raise wrong("each line is one word and its condition, like low: {potassium: low}", place_of(item))
        ((word, condition),) = item.items()
        if lines and lines[-1].when is None:
            raise wrong("nothing may follow otherwise; move this line above it", as_text(word).place)
        otherwise = isinstance(condition, str) and condition == "otherwise"
        lines.append(Line(word=as_text(word), when=None if otherwise else parse(condition)))
    return tuple(lines)


class FirstThatHolds(Question):
    """The word of the first line that holds; a line that cannot be decided is passed over and named."""

    verb = "first_that_holds"
    first_that_holds: Annotated[
        tuple[Line, ...],
        ReadBy(_lines),
        WithJsonSchema({"type": "array", "items": {"type": "object", "minProperties": 1, "maxProperties": 1}}),
    ]

    def names(self) -> tuple[Text, ...]:
        return ()

    def conditions(self) -> tuple[Condition, ...]:
        """The conditions of the lines that have one."""
        return tuple(line.when for line in self.first_that_holds if line.when is not None)


VERBS: dict[str, type[Question]] = {
    verb.verb: verb
    for verb in (
        Patient, Latest, Lowest, Taking, Exposure, Course, Total, Trials, Spacing, Has, Pending, Booked, Intake, Table,
        FirstThatHolds,
    )
}  # fmt: skip


def verb_of(value: Any) -> type[Question]:
    """Which verb a question uses. Raises PydanticCustomError when it uses none or two."""
    found = [key for key in value if key in VERBS] if isinstance(value, dict) else []
    # `table`, `course`... never appear as options of another verb, so one key decides.
    if len(found) != 1:
        raise wrong(f"a question uses one verb; the verbs are {', '.join(VERBS)}", place_of(value))
    return VERBS[found[0]]
