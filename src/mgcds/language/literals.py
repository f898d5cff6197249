"""The literals of a rule file: words, names and quantities. Every one remembers its place."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Any

from pydantic import WithJsonSchema
from pydantic_core import PydanticCustomError

from mgcds.language.reading import ReadBy
from mgcds.source import NOWHERE, Place, Text, place_of
from mgcds.units import parse_quantity, plain


def wrong(message: str, place: Place = NOWHERE) -> PydanticCustomError:
    """An error for a rule author; `place` overrides the place pydantic would report."""
    return PydanticCustomError("rule", "{message}", {"message": message, "place": place})


@dataclass(frozen=True, slots=True)
class Number:
    """A quantity as written, for comparing: 1.70 mg/dL."""

    value: Decimal
    unit: str
    place: Place = field(default=NOWHERE, compare=False)

    def __str__(self) -> str:
        return f"{plain(self.value)} {self.unit}"


def as_text(value: Any) -> Text:
    """A scalar, kept with its place."""
    if isinstance(value, Text):
        return value
    if isinstance(value, str):
        return Text(value)
    raise wrong("a single word or phrase belongs here, not a list or a block", place_of(value))


def as_names(value: Any) -> tuple[Text, ...]:
    """One name or a list of names."""
    if isinstance(value, list):
        if not value:
            raise wrong("the list is empty; name at least one", place_of(value))
        return tuple(as_text(item) for item in value)
    return (as_text(value),)


def as_number(value: Any) -> Number:
    """A number with its unit."""
    text = as_text(value)
    quantity = parse_quantity(text)
    if quantity is None:
        raise wrong(f"'{text}' is not a quantity; write a number and a unit, like 0.70 mmol/L", text.place)
    return Number(quantity.value, quantity.unit, text.place)


@dataclass(frozen=True, slots=True)
class Measured:
    """A result as a laboratory reports it: a number, or with a `sign` (<, <=, >, >=) a limit."""

    value: Decimal
    unit: str
    sign: str = ""


def as_measured(value: Any) -> Measured:
    """A number with its unit, or a limit such as <15 mL/min/1.73m2."""
    text = as_text(value)
    sign = next((sign for sign in ("<=", ">=", "<", ">") if text.startswith(sign)), "")
    number = as_number(Text(text.removeprefix(sign), text.place))
    return Measured(number.value, number.unit, sign)


def as_count(value: Any) -> int:
    """A bare whole number from 1, where the key already says of what."""
    text = as_text(value)
    if not re.fullmatch(r"[1-9]\d{0,3}", text):
        raise wrong(f"'{text}' is not a whole number from 1; write it in digits, like 2", text.place)
    return int(text)


def schema(description: str, pattern: str) -> WithJsonSchema:
    """How a text of some form is described in the JSON schema."""
    return WithJsonSchema({"type": "string", "description": description, "pattern": pattern})


NAMES_SCHEMA = WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]})

Word = Annotated[Text, ReadBy(as_text), WithJsonSchema({"type": "string"})]
Names = Annotated[tuple[Text, ...], ReadBy(as_names), NAMES_SCHEMA]
NumberField = Annotated[Number, ReadBy(as_number), schema("a number and a unit", r"^[+-]?\d+(\.\d+)?\s*\S.*$")]
MeasuredField = Annotated[
    Measured, ReadBy(as_measured), schema("a number or a limit, and a unit", r"^([<>]=?)?\s*[+-]?\d+(\.\d+)?\s*\S.*$")
]
CountField = Annotated[int, ReadBy(as_count), schema("a whole number", r"^[1-9]\d{0,3}$")]
