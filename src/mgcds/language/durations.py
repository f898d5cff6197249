"""The literals of time in a rule file: days, hours, spans and ages. Every one remembers its place."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Annotated, Any

from pydantic import WithJsonSchema

from mgcds.language.literals import NAMES_SCHEMA, as_text, schema, wrong
from mgcds.language.reading import ReadBy
from mgcds.source import NOWHERE, Place, Text, place_of

_WITHIN = re.compile(r"within (\d+) days?")
_AT_LEAST_AGO = re.compile(r"at least (\d+) days? ago")
_BETWEEN_AGO = re.compile(r"(\d+) to (\d+) days? ago")
_RELATIVE = re.compile(r"(?:at least (\d+)|(\d+) to (\d+)) days? (before|after) ([a-z0-9_]+)")
_AT_LEAST = re.compile(r"at least (\d+) days?")
_MONTHS = 12  # of a year
_AGES = re.compile(r"(\d+) to (\d+) (years|months)|at least (\d+) (years)|at most (\d+) (years)|(\d+) (years)")


@dataclass(frozen=True, slots=True)
class Days:
    """A length of time in whole calendar days."""

    count: int
    place: Place = field(default=NOWHERE, compare=False)

    def __str__(self) -> str:
        return f"{self.count} day{'s' if self.count != 1 else ''}"


@dataclass(frozen=True, slots=True)
class Minutes:
    """A length of time on the clock, for dose times: 0.5 h is 30."""

    count: int
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of days, both ends included. `most` None: open. Counted back from `anchor` ("today" or a question).

    For "after" an anchor, `least` and `most` count forward from it.
    """

    least: int
    most: int | None
    anchor: str = "today"
    direction: str = "before"
    text: str = ""
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class AgeBand:
    """Completed months, both ends included; `last` None: and older. "4 to 8 years" is 48 to 107 months."""

    first: int
    last: int | None
    text: str = ""
    place: Place = field(default=NOWHERE, compare=False)

    def __contains__(self, months: int) -> bool:
        return self.first <= months and (self.last is None or months <= self.last)


def as_days(value: Any) -> Days:
    """A length of time in days."""
    text = as_text(value)
    match = re.fullmatch(r"(\d+) days?", text)
    if not match:
        raise wrong(f"'{text}' is not a length of time; write it like 90 days", text.place)
    return Days(int(match[1]), text.place)


def as_day(value: Any) -> Text:
    """A day of the calendar as YYYY-MM-DD, kept as text: such texts compare as the days do."""
    text = as_text(value)
    try:
        if date.fromisoformat(text).isoformat() == text:
            return text
    except ValueError:
        pass
    raise wrong(f"'{text}' is not a day of the calendar; write it like 2026-01-31", text.place)


def as_minutes(value: Any) -> Minutes:
    """A length of time in hours, at most a day."""
    text = as_text(value)
    match = re.fullmatch(r"(\d+(?:\.\d+)?) h", text)
    minutes = Decimal(match[1]) * 60 if match else None
    if minutes is None or minutes > 24 * 60 or minutes != int(minutes):
        raise wrong(f"'{text}' is not a time between doses; write hours, like 0.5 h or 6 h", text.place)
    return Minutes(int(minutes), text.place)


def as_at_least_days(value: Any) -> Days:
    """ "at least 42 days"."""
    text = as_text(value)
    match = _AT_LEAST.fullmatch(text)
    if not match:
        raise wrong(f"'{text}' is not a shortest length; write it like at least 42 days", text.place)
    return Days(int(match[1]), text.place)


def as_span(value: Any) -> Span:
    """A span counted from today or from another answer."""
    text = as_text(value)
    if match := _WITHIN.fullmatch(text):
        return Span(0, int(match[1]), text=text, place=text.place)
    if match := _AT_LEAST_AGO.fullmatch(text):
        return Span(int(match[1]), None, text=text, place=text.place)
    if match := _BETWEEN_AGO.fullmatch(text):
        return _ordered(Span(int(match[1]), int(match[2]), text=text, place=text.place))
    if match := _RELATIVE.fullmatch(text):
        least, most = (int(match[1]), None) if match[1] else (int(match[2]), int(match[3]))
        return _ordered(Span(least, most, match[5], match[4], text, text.place))
    raise wrong(
        f"'{text}' is not a span; write it like within 90 days, at least 28 days ago, 91 to 365 days ago "
        "or 0 to 90 days after serum_mg",
        text.place,
    )


def _ordered(span: Span) -> Span:
    if span.most is not None and span.most < span.least:
        raise wrong(f"'{span.text}' runs backwards; write the smaller number first", span.place)
    return span


def as_ages(value: Any) -> AgeBand:
    """ "4 to 8 years", "at least 9 years", "at most 18 years", "0 years" or "7 to 11 months"."""
    text = as_text(value)
    match = _AGES.fullmatch(text)
    if not match:
        raise wrong(f"'{text}' is not an age; write it like 4 to 8 years, at least 9 years or 7 to 11 months", text.place)
    first, last, unit, least, _, most, _, single, _ = match.groups()
    if least:
        return AgeBand(int(least) * _MONTHS, None, str(text), text.place)
    if most:
        return AgeBand(0, (int(most) + 1) * _MONTHS - 1, str(text), text.place)
    each = 1 if unit == "months" else _MONTHS
    band = AgeBand(int(first or single) * each, (int(last or single) + 1) * each - 1, str(text), text.place)
    if band.last is not None and band.last < band.first:
        raise wrong(f"'{text}' runs backwards; write the smaller age first", text.place)
    return band


def as_spans(value: Any) -> tuple[Span, ...]:
    """One span or a list of spans that must all hold."""
    if isinstance(value, list):
        if not value:
            raise wrong("the list is empty; write at least one span", place_of(value))
        return tuple(as_span(item) for item in value)
    return (as_span(value),)


DaysField = Annotated[Days, ReadBy(as_days), schema("days", r"^\d+ days?$")]
DayField = Annotated[Text, ReadBy(as_day), WithJsonSchema({"type": "string", "format": "date"})]
MinutesField = Annotated[Minutes, ReadBy(as_minutes), schema("hours", r"^\d+(\.\d+)? h$")]
AtLeastDays = Annotated[Days, ReadBy(as_at_least_days), schema("a shortest length", r"^at least \d+ days?$")]
SpanField = Annotated[Span, ReadBy(as_span), schema("a span of days", r"days?")]
SpansField = Annotated[tuple[Span, ...], ReadBy(as_spans), NAMES_SCHEMA]
AgeField = Annotated[AgeBand, ReadBy(as_ages), schema("an age or band of ages", r"(years|months)$")]
