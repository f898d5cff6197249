"""The Library: every rule, question, table and policy, checked whole and linked to each other. Immutable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mgcds.language.facts import SeedFacts
from mgcds.language.find import Question
from mgcds.language.governance import Governance
from mgcds.language.order import Order
from mgcds.language.policy import Policy
from mgcds.language.rule import Rule
from mgcds.language.site import ACTIVE, OFF, Approved, RuleChange
from mgcds.language.tables import IntervalTable, ValueTable
from mgcds.language.text import Template
from mgcds.language.when import Condition
from mgcds.source import Place
from mgcds.terminology import Terminology


@dataclass(frozen=True, slots=True)
class Source:
    """Where a number or statement comes from; `state` is seen, not yet checked or weak copy."""

    id: str
    citation: str
    state: str
    link: str = ""


@dataclass(frozen=True, slots=True)
class Reason:
    """A coded override reason. `same_as`: (system, code) of standard reasons that are counted under it."""

    code: str
    display: str
    same_as: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with a name of its own in the whole library.

    `key` is its name in the vocabulary, or "rule-id/name" for a question of one rule. `refs` maps every question name
    it mentions to its key. `lines` are the linked lines of `first_that_holds`: (word, condition or None for otherwise).
    """

    key: str
    name: str
    question: Question
    place: Place
    refs: Mapping[str, str]
    lines: tuple[tuple[str, Condition | None], ...] = ()
    unit: str = ""


@dataclass(frozen=True, slots=True)
class LinkedAlso:
    """A sentence of a card with the condition under which it is said."""

    when: Condition
    say: Template


@dataclass(frozen=True, slots=True)
class LinkedRule:
    """A rule whose words are expanded to tests and whose questions are keys of the library."""

    id: str
    model: Rule
    when: tuple[Condition, ...]
    unless: tuple[Condition, ...]
    levels: tuple[tuple[str, Condition | None], ...]
    triggers: tuple[str, ...]
    names: Mapping[str, str]  # question name as the rule writes it -> key
    needs: frozenset[str]  # keys of every question it reaches
    asked: tuple[str, ...]  # keys that its when, unless and level lines name, in the order written
    summaries: Mapping[str, Template]  # by level
    detail: Template | None
    also: tuple[LinkedAlso, ...]
    consider: tuple[Template, ...]
    file: str
    state: str = ACTIVE  # active, shadow (evaluated and recorded, no card) or off: the site decides

    @property
    def group(self) -> str:
        """The card group its findings belong to."""
        return str(self.model.shown_in.group)

    @property
    def priority(self) -> int:
        """1 is shown first."""
        return int(self.model.shown_in.priority)


@dataclass(frozen=True, slots=True)
class LinkedSuppress:
    """A suppression of the policy, linked."""

    because: str
    reason: str
    when: Condition
    drop: tuple[str, ...]
    keep: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Changed:
    """A word or length of a shared question that the site has changed; `was` and `now` as written: below 1.60 mg/dL."""

    question: str
    part: str
    was: str
    now: str
    approved: Approved


@dataclass(frozen=True, slots=True)
class SiteChanges:
    """What a site has changed in this library. `left_out`: (rule id, sentence) that is no longer true and not printed."""

    name: str
    changed: tuple[Changed, ...]
    rules: Mapping[str, RuleChange]
    left_out: tuple[tuple[str, str], ...] = ()

    def of(self, question: str, part: str) -> Changed | None:
        """The change of one word or length, if there is one."""
        return next((one for one in self.changed if (one.question, one.part) == (question, part)), None)


@dataclass(frozen=True, slots=True)
class Library:
    """All that the engine, the cards and the pages need to know. Made by `load`."""

    terminology: Terminology
    rules: Mapping[str, LinkedRule]
    questions: Mapping[str, Asked]
    order: tuple[str, ...]  # question keys, each after all that it mentions
    policy: Policy
    suppress: tuple[LinkedSuppress, ...]
    policy_needs: frozenset[str]
    tables: Mapping[str, ValueTable]
    intervals: Mapping[str, IntervalTable]
    orders: Mapping[str, Order]
    reasons: Mapping[str, Reason]
    sources: Mapping[str, Source]
    hash: str
    used_words: frozenset[tuple[str, str]] = frozenset()  # (question key, word) that some condition uses
    site: SiteChanges | None = None
    governance: Governance = field(kw_only=True)
    facts: SeedFacts | None = None
    # What a hook reaches, worked out once: it is asked for six times an evaluation.
    _listed: dict[str, tuple[LinkedRule, ...]] = field(init=False, default_factory=dict, compare=False, repr=False)
    _rules: dict[str, tuple[LinkedRule, ...]] = field(init=False, default_factory=dict, compare=False, repr=False)
    _questions: dict[str, tuple[Asked, ...]] = field(init=False, default_factory=dict, compare=False, repr=False)
    # Kept by the engine and the cards, which work them out once: the kinds of data that answer a question; what is asked and
    # what is judged at a hook; what a card tells of a rule whatever the chart; and the answers where a chart holds nothing
    # of what they look for, by what was supplied and by question.
    kinds: dict[str, frozenset[str]] = field(init=False, default_factory=dict, compare=False, repr=False)
    asking: dict[str, Any] = field(init=False, default_factory=dict, compare=False, repr=False)
    judging: dict[str, Any] = field(init=False, default_factory=dict, compare=False, repr=False)
    telling: dict[tuple[str, ...], Any] = field(init=False, default_factory=dict, compare=False, repr=False)
    silence: dict[frozenset[str], dict[str, Any]] = field(init=False, default_factory=dict, compare=False, repr=False)

    def rules_in_use(self) -> tuple[LinkedRule, ...]:
        """Every rule but the retired, in order of id."""
        return tuple(rule for rule in self.rules.values() if not rule.model.is_retired)

    def listed_at(self, hook: str) -> tuple[LinkedRule, ...]:
        """The rules of one hook, in order of id, those that are switched off too; retired ones are left out."""
        if hook not in self._listed:
            self._listed[hook] = tuple(rule for rule in self.rules_in_use() if hook in rule.model.hooks)
        return self._listed[hook]

    def rules_at(self, hook: str) -> tuple[LinkedRule, ...]:
        """The rules that are evaluated at one hook, in order of id."""
        if hook not in self._rules:
            self._rules[hook] = tuple(rule for rule in self.listed_at(hook) if rule.state != OFF)
        return self._rules[hook]

    def change_of(self, question: str, part: str) -> Changed | None:
        """What the site has made of a word or length of a question, None where it is the library's own."""
        return self.site.of(question, part) if self.site is not None else None

    def questions_at(self, hook: str) -> tuple[Asked, ...]:
        """Every question that the rules and the policy reach at one hook, each after all that it mentions."""
        if hook not in self._questions:
            wanted = set(self.policy_needs).union(*(rule.needs for rule in self.rules_at(hook)))
            self._questions[hook] = tuple(self.questions[key] for key in self.order if key in wanted)
        return self._questions[hook]
