"""One rule file, typed: why, evidence, find, when, unless, level, card."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema

from mgcds.language.durations import DayField
from mgcds.language.literals import Names, Word, as_text, wrong
from mgcds.language.model import Model
from mgcds.language.reading import ReadBy
from mgcds.language.when import Condition, ConditionField, parse
from mgcds.source import NOWHERE, Place, Text, place_of

Level = Literal["info", "warning", "critical"]
LEVELS: tuple[str, ...] = ("critical", "warning", "info")  # from the most severe down
HOOKS = (
    "patient-view",
    "order-select",
    "order-sign",
    "medication-refill",
    "encounter-discharge",
    "appointment-book",
    "medication-verify",
    "problem-list-item-create",
)
Hook = Literal[
    "patient-view",
    "order-select",
    "order-sign",
    "medication-refill",
    "encounter-discharge",
    "appointment-book",
    "medication-verify",
    "problem-list-item-create",
]


class Stewardship(Model):
    """Who answers for a rule, and until when it has been reviewed."""

    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
    status: Literal["draft", "active", "retired"]
    owner: Word
    released: DayField | None = Field(default=None, description="when its first version came out; default `reviewed`")
    reviewed: DayField = Field(description="when this version was reviewed: the day of its last revision")
    review_by: DayField = Field(description="until when it must be reviewed again; `mgcds check` fails from the day after")
    second_reader: Word | None = Field(default=None, description="who signed it off; without one the rule is a draft")

    @property
    def first_released(self) -> Text:
        """When the first version came out, as YYYY-MM-DD."""
        return self.released or self.reviewed


class Shown(Model):
    """The card group a finding belongs to, and its rank there (1 is first)."""

    group: Word
    priority: Literal["1", "2", "3"]


class Evidence(Model):
    """What stands behind a rule or a number: a published source, or facts of the seed document."""

    source: Names = ()
    strength: Literal["strong", "moderate", "weak", "expert"] | None = None
    backs: Names = Field(default=(), description="numbers this source stands behind, like ppi_days.at_least")
    says: str | None = None
    seed: Names = ()
    conflict: Names = ()


class Also(Model):
    """A sentence that is added where its condition holds."""

    if_: ConditionField = Field(alias="if")
    say: Word


class Suggestion(Model):
    """What the clinician can do with one click; exactly one of the three."""

    order: Word | None = Field(default=None, description="an order file: creates it")
    stop: Word | None = Field(default=None, description="a question of `taking`: cancels its drafts")
    move: Word | None = Field(default=None, description="a question of `spacing`: moves the draft to a safe time")


class Card(Model):
    """What the clinician reads. It prints, it does not decide."""

    summary: Word
    summary_at_info: Word | None = None
    summary_at_warning: Word | None = None
    summary_at_critical: Word | None = None
    detail: Word | None = None
    also: tuple[Also, ...] = ()
    consider: tuple[Word, ...] = ()
    suggest: tuple[Suggestion, ...] = ()
    override: Names = ()

    def summary_at(self, level: str) -> Text:
        """The summary for one level."""
        special: Text | None = getattr(self, f"summary_at_{level}")
        return special or self.summary

    def texts(self) -> tuple[Text, ...]:
        """Every text with placeholders."""
        maybe = (self.summary, self.summary_at_info, self.summary_at_warning, self.summary_at_critical, self.detail)
        return tuple(text for text in maybe if text is not None) + tuple(line.say for line in self.also) + self.consider


class Interaction(Model):
    """The minimum information of the PDDI guide; drugs and evidence come from the rule itself."""

    consequence: str
    seriousness: str
    severity: Literal["minor", "moderate", "major", "contraindicated"]
    mechanism: str
    action: str
    modifying: tuple[str, ...]
    exposure: str
    harm: str


class LevelLine(Model):
    """A level and when it applies; `when` None is `otherwise`."""

    level: Level
    when: Any = None


def _when(value: Any) -> tuple[Condition, ...]:
    if not isinstance(value, list) or not value:
        raise wrong("give a list of conditions, one a line", place_of(value))
    return tuple(parse(item) for item in value)


def _level(value: Any) -> tuple[LevelLine, ...]:
    if isinstance(value, str):
        text = as_text(value)
        if text not in LEVELS:
            raise wrong(f"'{text}' is not a level; the levels are {', '.join(LEVELS)}", text.place)
        return (LevelLine(level=str(text)),)  # type: ignore[arg-type]
    if not isinstance(value, dict) or not value:
        raise wrong("give a level, or lines of level: condition", place_of(value))
    lines: list[LevelLine] = []
    for key, condition in value.items():
        name = as_text(key)
        if name not in LEVELS:
            raise wrong(f"'{name}' is not a level; the levels are {', '.join(LEVELS)}", name.place)
        if lines and LEVELS.index(name) <= LEVELS.index(lines[-1].level):
            raise wrong(f"{name} stands below {lines[-1].level}; write the most severe level first", name.place)
        if lines and lines[-1].when is None:
            raise wrong("nothing may follow otherwise; move this line above it", name.place)
        otherwise = isinstance(condition, str) and condition == "otherwise"
        lines.append(LevelLine(level=str(name), when=None if otherwise else parse(condition)))  # type: ignore[arg-type]
    return tuple(lines)


_CONDITIONS = WithJsonSchema({"type": "array", "items": {"type": "object"}, "minItems": 1})
_LEVELS = WithJsonSchema({"anyOf": [{"enum": list(LEVELS)}, {"type": "object", "propertyNames": {"enum": list(LEVELS)}}]})
_QUESTIONS = WithJsonSchema({"type": "object", "additionalProperties": {"type": "object"}})


class Rule(Model):
    """A whole rule file."""

    rule: Word
    title: Word
    stewardship: Stewardship
    hooks: tuple[Hook, ...] = Field(min_length=1)
    shown_in: Shown
    why: Word
    evidence: tuple[Evidence, ...] = Field(min_length=1)
    find: Annotated[dict[str, Any], ReadBy(lambda value: value), _QUESTIONS] = Field(default_factory=dict)
    triggers: Names = ()
    when: Annotated[tuple[Condition, ...], ReadBy(_when), _CONDITIONS]
    unless: Annotated[tuple[Condition, ...], ReadBy(_when), _CONDITIONS] = ()
    level: Annotated[tuple[LevelLine, ...], ReadBy(_level), _LEVELS]
    card: Card
    interaction: Interaction | None = None

    @property
    def is_draft(self) -> bool:
        """Whether a second clinician has not yet signed it off."""
        return not self.is_retired and (self.stewardship.status == "draft" or self.stewardship.second_reader is None)

    @property
    def is_retired(self) -> bool:
        """Whether it is kept for the record only: it has a page, and is never evaluated."""
        return self.stewardship.status == "retired"

    @property
    def place(self) -> Place:
        """Where its id is written."""
        return place_of(self.rule, NOWHERE)
