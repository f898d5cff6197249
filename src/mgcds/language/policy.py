"""What happens to findings afterwards, once for all rules: focus, supersede, suppress, cards."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, PlainValidator

from mgcds.language.find import Model
from mgcds.language.literals import CountField, Names, Word, as_names, as_text, wrong
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


class CardPolicy(Model):
    """How findings become cards."""

    at_most: CountField
    interruptive: Names = Field(description="level at hook, like critical at order-sign")


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
    """rules/policy.yaml. The steps run in this order: focus (order_hooks), supersede, suppress, cards."""

    order_hooks: tuple[Hook, ...]
    supersede: Annotated[tuple[Supersede, ...], PlainValidator(_supersede)] = ()
    suppress: tuple[Suppress, ...] = ()
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
