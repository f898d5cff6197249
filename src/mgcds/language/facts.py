"""The facts of the seed document: each in our words, with what carries it, so that none is lost in silence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from mgcds.language.literals import Names, Word
from mgcds.language.model import Model

FACTS = "seed-facts.yaml"


class Section(Model):
    """A part of the context page."""

    title: Word
    about: Word


class Fact(Model):
    """One fact. Rules that cite it stand in the rules; here stands whatever else carries it."""

    grade: Literal["A", "B", "C", "D"] = Field(description="A good secondary source, B abstract, C opinion, D promotion")
    says: Word
    section: Word = Field(description="where the context page tells it")
    sentence: Word | None = Field(default=None, description="a shared sentence of the policy")
    table: Word | None = Field(default=None, description="a table that holds its numbers")
    conflict: Names = Field(default=(), description="sources disagree, and this says what was chosen")
    backlog: Word | None = Field(default=None, description="a rule that is not written yet")
    limit: Literal["yes"] | None = Field(default=None, description="it says how little the evidence shows")


class SeedFacts(Model):
    """rules/seed-facts.yaml."""

    sections: dict[str, Section]
    facts: dict[str, Fact]

    def told_in(self, section: str) -> Mapping[str, Fact]:
        """The facts of one section, in order."""
        return {key: fact for key, fact in self.facts.items() if fact.section == section}
