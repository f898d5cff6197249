"""Turns pydantic's errors into a place, a cause and a way out."""

from __future__ import annotations

import difflib
import re
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from mgcds.source import NOWHERE, Place, Problem, Text, place_of

Typed = TypeVar("Typed", bound=BaseModel)
_NO_BLOCK = "a block of keys and values belongs here; write it out"


def validate(model: type[Typed], value: Any, problems: list[Problem], file: str) -> Typed | None:
    """`value` as the model; None, with everything that is wrong added to `problems`."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        problems.extend(_problem(detail, value, model, file) for detail in error.errors())
        return None


def _problem(detail: ErrorDetails, value: Any, model: type[BaseModel], file: str) -> Problem:
    place, known = _walk(value, detail["loc"], file)
    context = detail.get("ctx") or {}
    if (own := context.get("place")) is not None and own != NOWHERE:
        place = own
    name = next((str(part) for part in reversed(detail["loc"]) if isinstance(part, str)), "")
    kind = detail["type"]
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(name, known or _fields(model), 1)
        way_out = f"did you mean '{near[0]}'?" if near else "remove it, or quote a sentence that holds commas or colons"
        return Problem(place, f"'{name}' is not a word this block knows; {way_out}")
    if kind == "missing":
        return Problem(place, f"'{name}' is missing; add it")
    if kind == "rule":
        message = str(context["message"])
        label = f"{name}: " if name and not re.match(rf"[a-z_]+: |{re.escape(name)}\b", message) else ""
        return Problem(place, f"{label}{context['message']}")
    if kind in ("literal_error", "enum"):
        return Problem(place, f"{name}: '{detail['input']}' is not one of {context.get('expected')}; choose one")
    if kind in ("model_type", "dict_type"):
        return Problem(place, f"{name}: a block of keys and values belongs here; write it out" if name else _NO_BLOCK)
    if kind == "too_short":
        return Problem(place, f"{name}: the list is empty; name at least one")
    if kind == "string_pattern_mismatch":
        return Problem(
            place,
            f"{name}: '{detail['input']}' is not written as it should be; write it like "
            f"{_example(str(context.get('pattern')))}",
        )
    return Problem(place, f"{name}: {detail['msg'].lower()}; correct it")


def _example(pattern: str) -> str:
    return "2026-01-31" if r"\d{4}" in pattern else "1.0.0"


def _fields(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _walk(value: Any, path: tuple[int | str, ...], file: str) -> tuple[Place, list[str]]:
    """The place of what a pydantic path names, or of the nearest thing above it."""
    place = place_of(value, Place(file, 1, 1))
    for step in path:
        if isinstance(value, dict) and step in value:
            key = next(key for key in value if key == step)
            value = value[step]
            place = place_of(value) if isinstance(value, Text) else place_of(key, place)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
            place = place_of(value, place)
    return place, []
