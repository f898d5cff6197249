"""Feedback on cards, typed: what a clinician did with which card, and when. A comment in free text is read and dropped."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, PlainValidator, ValidationInfo, field_validator, model_validator

from mgcds.cards.compose import REASON
from mgcds.clock import parse_instant
from mgcds.language.library import Reason
from mgcds.service.errors import Refused
from mgcds.service.requests import Lenient, checked
from mgcds.store import Event

OTHER = "other"
BODY: dict[str, Any] = {
    "required": ["feedback"],
    "type": "object",
    "properties": {
        "feedback": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["card", "outcome", "outcomeTimestamp"],
                "properties": {
                    "card": {"type": "string", "format": "uuid"},
                    "outcome": {"enum": ["accepted", "overridden"]},
                    "outcomeTimestamp": {"type": "string", "format": "date-time"},
                    "acceptedSuggestions": {
                        "type": "array",
                        "items": {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}},
                    },
                    "overrideReason": {
                        "type": "object",
                        "properties": {"reason": {"type": "object"}, "userComment": {"type": "string"}},
                    },
                },
            },
        }
    },
}


def _instant(value: object) -> datetime:
    moment = parse_instant(value)
    if moment is None:
        raise ValueError("not a date-time of RFC 3339")
    return moment


class Suggested(Lenient):
    """A suggestion that was accepted."""

    id: str = Field(min_length=1)


class Coding(Lenient):
    """A coded reason; clients send it with and without its display."""

    code: str = Field(min_length=1)
    system: str | None = None


class OverrideReason(Lenient):
    """Why a card was overridden: coded, commented, or both."""

    reason: Coding | None = None
    userComment: str | None = Field(default=None, repr=False)

    @model_validator(mode="after")
    def _one_of_both(self) -> OverrideReason:
        if self.reason is None and not (self.userComment or "").strip():
            raise ValueError("neither reason nor userComment")
        return self


class Entry(Lenient):
    """What a clinician did with one card."""

    card: UUID
    outcome: Literal["accepted", "overridden"]
    outcomeTimestamp: Annotated[datetime, PlainValidator(_instant)]
    acceptedSuggestions: tuple[Suggested, ...] | None = Field(default=None, validate_default=True)
    overrideReason: OverrideReason | None = None
    overrideReasons: Any = Field(default=None, repr=False)  # some EHRs send a list, of codings or of blocks as above

    @field_validator("acceptedSuggestions")
    @classmethod
    def _named_if_accepted(cls, value: tuple[Suggested, ...] | None, info: ValidationInfo) -> tuple[Suggested, ...] | None:
        if info.data.get("outcome") == "accepted" and not value:
            raise ValueError("accepted, but no suggestion")
        return value


class Feedback(Lenient):
    """The body of a call to a feedback endpoint."""

    feedback: tuple[Entry, ...] = Field(min_length=1)


def codings_of(reasons: Mapping[str, Reason]) -> dict[tuple[str, str], str]:
    """System and code to the reason of ours that is reported by them; ours are known without their system too."""
    own = {(system, code): code for system in ("", REASON) for code in reasons}
    return own | {coding: code for code, reason in reasons.items() for coding in reason.same_as}


def read_feedback(body: dict[str, Any], reasons: Mapping[tuple[str, str], str]) -> tuple[Event, ...]:
    """The events of a batch. `reasons`: as `codings_of`. Raises Refused with status 400 where any entry is wrong."""
    batch, wrong = checked(Feedback, body)
    if batch is None:
        raise Refused(400, "invalid", f"These fields are missing or wrong: {', '.join(sorted(set(wrong)))}.")
    return tuple(
        Event(
            card=entry.card,
            outcome=entry.outcome,
            at=entry.outcomeTimestamp,
            reasons=_codes(entry, reasons) if entry.outcome == "overridden" else (),
            suggestions=_uuids(entry) if entry.outcome == "accepted" else (),
        )
        for entry in batch.feedback
    )


def _codes(entry: Entry, known: Mapping[tuple[str, str], str]) -> tuple[str, ...]:
    """The reasons as our codes, in order; any other is "other", because a foreign code may be a sentence about somebody."""
    own = entry.overrideReason.reason if entry.overrideReason else None
    given = [(own.system, own.code)] if own else []
    for item in entry.overrideReasons if isinstance(entry.overrideReasons, list) else []:
        block = item.get("reason", item) if isinstance(item, dict) else None
        if isinstance(block, dict) and block.get("code"):
            given.append((block.get("system"), block["code"]))
    return tuple(sorted({_code(system, code, known) for system, code in given}))


def _code(system: Any, code: Any, known: Mapping[tuple[str, str], str]) -> str:
    written = isinstance(code, str) and isinstance(system, str | None)
    return known.get((system or "", code), OTHER) if written else OTHER


def _uuids(entry: Entry) -> tuple[UUID, ...]:
    """The ids that are UUIDs, as ours are."""
    found = set()
    for suggestion in entry.acceptedSuggestions or ():
        try:
            found.add(UUID(suggestion.id))
        except ValueError:
            continue
    return tuple(sorted(found))
