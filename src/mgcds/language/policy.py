"""What happens to findings afterwards, once for all rules: focus, supersede, suppress, remember, cards."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, WithJsonSchema

from mgcds.language.durations import Days, as_days
from mgcds.language.literals import CountField, Names, Word, as_names, as_text, wrong
from mgcds.language.model import Model
from mgcds.language.reading import ReadBy
from mgcds.language.rule import LEVELS, Hook
from mgcds.language.when import ConditionField
from mgcds.source import Place, Text, place_of


class Supersede(Model):
    """While `winner` fires (at `level`, if one is named), `losers` stay away."""

    winner: Word
    level: str | None = None
    losers: tuple[Text, ...]


class Suppress(Model):
    """Findings that are dropped while a condition holds. Each line of `drop`: a rule, `group X` or `indicator X`."""

    because: Word
    reason: Word = Field(description="the contract's reason code: pending-order, dialysis, hospice")
    when: ConditionField
    drop: Names
    keep: Names = ()


def _remembered(value: Any) -> Days | None:
    return None if as_text(value) == "never" else as_days(value)


_HOW_LONG = WithJsonSchema({"type": "string", "pattern": r"^(\d+ days?|never)$", "description": "how long, or never"})
HowLong = Annotated[Days | None, ReadBy(_remembered), _HOW_LONG]


class Remember(Model):
    """For how long an override silences its rule, by the indicator that was overridden: `90 days` or `never`.

    Both ends count: with 30 days, day 30 after the override is silent and day 31 is not. A finding at a higher indicator
    than the one overridden shows again. An indicator that is not named is never remembered.
    """

    info: HowLong = None
    warning: HowLong = None
    critical: HowLong = None

    def days(self, level: str) -> int | None:
        """Days for which an override at a level is remembered; None: never."""
        length: Days | None = getattr(self, level)
        return None if length is None else length.count

    @property
    def longest(self) -> int:
        """Days after which every override is forgotten; -1 where none is remembered."""
        return max((days for level in LEVELS if (days := self.days(level)) is not None), default=-1)


class CardPolicy(Model):
    """How findings become cards."""

    at_most: CountField
    interruptive: Names = Field(description="level at hook, like critical at order-sign")
    incomplete_without: Names = Field(
        default=(), description="kinds of data: a card says so where one was not supplied and a rule needed it"
    )


class Group(Model):
    """A card group."""

    title: Word


def _supersede(value: Any) -> tuple[Supersede, ...]:
    if not isinstance(value, dict):
        raise wrong("give winner: [losers]", place_of(value))
    rows: list[Supersede] = []
    for key, losers in value.items():
        text = as_text(key)
        winner, _, level = text.partition(" at ")
        if level and level not in LEVELS:
            raise wrong(f"'{level}' is not a level", text.place)
        rows.append(Supersede(winner=Text(winner, text.place), level=level or None, losers=as_names(losers)))
    return tuple(rows)


class Policy(Model):
    """rules/policy.yaml. The steps run in this order: focus (order_hooks), supersede, suppress, remember, cards."""

    order_hooks: tuple[Hook, ...]
    problem_hooks: tuple[Hook, ...] = ()
    supersede: Annotated[tuple[Supersede, ...], ReadBy(_supersede)] = ()
    suppress: tuple[Suppress, ...] = ()
    remember: Remember = Field(default_factory=Remember)
    cards: CardPolicy
    groups: dict[str, Group]
    override_reasons: Names
    sentences: dict[str, Word] = Field(default_factory=dict)
    never_write: dict[str, Word] = Field(default_factory=dict, description="words that no card may hold, and what to write")

    def interrupts(self, level: str, hook: str) -> bool:
        """Whether a finding of this level may interrupt at this hook."""
        return f"{level} at {hook}" in self.cards.interruptive

    def place_of_group(self, key: str) -> Place:
        """Where a group's title is written."""
        return self.groups[key].title.place
