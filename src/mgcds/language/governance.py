"""Who makes a library, who pays for it, and which concepts are data that transparency rules ask about by name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, WithJsonSchema

from mgcds.language.literals import Names, as_text, wrong
from mgcds.language.model import Model
from mgcds.language.reading import ReadBy
from mgcds.source import Text

GOVERNANCE = "governance.yaml"
# 45 CFR 170.315(b)(11)(iv)(A)(5) to (13), in its order.
PersonalData = Literal[
    "race",
    "ethnicity",
    "language",
    "sexual-orientation",
    "gender-identity",
    "sex",
    "date-of-birth",
    "social-determinants-of-health",
    "health-status-assessments",
]
PERSONAL_DATA: tuple[PersonalData, ...] = get_args(PersonalData)
_PROMISES = re.compile(r"\b(tbd|tba|todo|fixme|xxx|to be (determined|decided|defined|done)|not stated)\b", re.IGNORECASE)
_NOTHING = re.compile(r"(unknown|none|nobody|n/?a|not applicable|[-?.\s]*)", re.IGNORECASE)


def says_nothing(text: str) -> bool:
    """Whether a statement is empty, or only promises to be written one day."""
    return _NOTHING.fullmatch(text.strip()) is not None or _PROMISES.search(text) is not None


def _said(value: Any) -> Text:
    text = as_text(value)
    if says_nothing(text):
        raise wrong(f"'{text}' says nothing; write who or what it is", text.place)
    return text


Said = Annotated[Text, ReadBy(_said), WithJsonSchema({"type": "string", "minLength": 1})]


class Governance(Model):
    """rules/governance.yaml."""

    developer: Said = Field(description="who develops the rules and the program")
    funding: Said = Field(description="who pays for the technical implementation")
    data: dict[PersonalData, Names] = Field(
        default_factory=dict,
        description="concepts that are such data; sex and birth date of the patient are known to the verbs",
    )

    def kinds_of(self, concept: str) -> Iterator[PersonalData]:
        """What kinds of data a concept is."""
        return (kind for kind, names in self.data.items() if concept in names)
