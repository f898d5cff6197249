"""Tables of numbers: limits by age, minimum doses by drug, intervals between doses."""

from __future__ import annotations

from itertools import combinations, pairwise
from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema

from mgcds.language.durations import AgeField, MinutesField
from mgcds.language.literals import Names, Number, Word, as_number, as_text
from mgcds.language.model import Model
from mgcds.language.reading import ReadBy
from mgcds.source import Place, Text


def _value(value: Any) -> Number | None:
    return None if as_text(value) == "none" else as_number(value)


class Row(Model):
    """One line of a value table; `value: none` says that there is no number, and why."""

    age: AgeField | None = None
    sex: Literal["male", "female"] | None = None
    life_stage: Literal["pregnancy", "lactation"] | None = Field(default=None, alias="life-stage")
    drug: Word | None = None
    value: Annotated[Number | None, ReadBy(_value), WithJsonSchema({"type": "string", "description": "a quantity, or none"})]
    because: Word | None = None
    source: Names = ()


class ValueTable(Model):
    """A number looked up by age, sex, life stage or drug."""

    table: Word
    title: Word
    by: Names
    rows: tuple[Row, ...] = Field(min_length=1)

    def find(
        self, *, months: int | None = None, sex: str | None = None, stage: str | None = None, drug: str | None = None
    ) -> Row | None:
        """The first row that fits every column of the table, or None; `months`: the age in completed months."""
        for row in self.rows:
            if row.age and (months is None or months not in row.age):
                continue
            if (row.sex and row.sex != sex) or (row.life_stage and row.life_stage != stage) or (row.drug and row.drug != drug):
                continue
            return row
        return None


class Interval(Model):
    """How far apart one drug and the product of the table must be.

    `product_after`: the product at least this long after the drug. `better`: a longer gap that is preferred; between
    the two a pair is *close*. `drug_after`: the drug at least this long after the product.
    """

    drug: Word
    product_after: MinutesField | None = None
    better: MinutesField | None = None
    drug_after: MinutesField | None = None
    never_together: Literal["yes"] | None = None
    with_: Word | None = Field(default=None, alias="with", description="only with this ingredient of the product")
    source: Names


class IntervalTable(Model):
    """Intervals between dose times, drug by drug."""

    intervals: Word
    title: Word
    move_to: tuple[Word, ...] = Field(description="times of day to propose, the first that is safe")
    rows: tuple[Interval, ...] = Field(min_length=1)


def overlapping(table: ValueTable) -> list[tuple[Place, str]]:
    """Gaps and overlaps between the age bands of a table, as (place, message)."""
    problems: list[tuple[Place, str]] = []
    groups: dict[tuple[str | None, str | None, str | None], list[Row]] = {}
    for row in table.rows:
        if row.age:
            groups.setdefault((row.sex, row.life_stage, row.drug), []).append(row)
    for rows in groups.values():
        for above, below in pairwise(row.age for row in rows if row.age):
            if above.last is None:
                problems.append((below.place, "no band may follow one that is open upwards; move it up"))
            elif below.first != above.last + 1:
                message = f"'{below.text}' does not follow '{above.text}': an age is missing or stands in both; let them meet"
                problems.append((below.place, message))
    for one, other in combinations((row for row in table.rows if row.age), 2):
        if {one.sex, other.sex} > {None} and (one.life_stage, one.drug) == (other.life_stage, other.drug) and _meet(one, other):
            assert one.age
            assert other.age
            problems.append((other.age.place, f"'{one.age.text}' and '{other.age.text}' both fit one sex; let them meet"))
    return problems


def _meet(one: Row, other: Row) -> bool:
    return bool(one.age and other.age and (one.age.first in other.age or other.age.first in one.age))


def name_of(table: ValueTable | IntervalTable) -> Text:
    """The table's own name."""
    return table.table if isinstance(table, ValueTable) else table.intervals
