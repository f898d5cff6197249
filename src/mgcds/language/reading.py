"""How a field of a file is read whole by a function of ours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema


@dataclass(frozen=True, slots=True)
class ReadBy:
    """Annotates a field whose value a function makes of what the file says; the function raises as `literals.wrong` does.

    As pydantic's PlainValidator, which also works out how the type would be written back, field by field. Nobody writes rules
    back, and that was a third of the time these modules took to import: 0.14 s of each start.
    """

    read: Callable[[Any], Any]

    def __get_pydantic_core_schema__(self, _: Any, __: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.read, json_schema_input_schema=core_schema.any_schema())
