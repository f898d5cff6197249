"""That every fact stands where its entry says, and that rules cite facts that exist."""

from __future__ import annotations

from collections.abc import Iterator

from mgcds.language.facts import FACTS, Fact, Section, SeedFacts
from mgcds.language.library import Library
from mgcds.source import Place, Problem

OTHER_TABLES = ("salts", "product-kinds")  # tables of terminology


def fact_problems(library: Library) -> list[Problem]:
    """Everything wrong between the rules and the facts; nothing where a library keeps no facts."""
    seed = library.facts
    if seed is None:
        return []
    found = [
        Problem(key.place, f"'{key}' is no fact; add it to {FACTS}, or correct the number")
        for rule in library.rules.values()
        for entry in rule.model.evidence
        for key in entry.seed
        if str(key) not in seed.facts
    ]
    for key, fact in seed.facts.items():
        found += [Problem(place, f"{key}: {message}") for place, message in _wrong(fact, seed, library)]
    return found


def _wrong(fact: Fact, seed: SeedFacts, library: Library) -> Iterator[tuple[Place, str]]:
    if str(fact.section) not in seed.sections:
        yield fact.section.place, f"there is no section '{fact.section}'; it is one of {', '.join(seed.sections)}"
    if fact.sentence is not None and str(fact.sentence) not in library.policy.sentences:
        yield fact.sentence.place, f"'{fact.sentence}' is no shared sentence of policy.yaml; correct the name"
    if fact.table is not None and str(fact.table) not in {*library.tables, *library.intervals, *OTHER_TABLES}:
        yield fact.table.place, f"there is no table '{fact.table}'; correct the name"
    for key in fact.conflict:
        if str(key) not in library.sources:
            yield key.place, f"'{key}' is no source; add it to sources.yaml"


def told(library: Library) -> list[tuple[str, Section, list[tuple[str, Fact, list[str]]]]]:
    """The context page: (key, section, its facts as (number, fact, rules that cite it)), in order."""
    seed = library.facts
    if seed is None:
        return []
    return [
        (name, section, [(key, fact, cited_by(library, key)) for key, fact in seed.told_in(name).items()])
        for name, section in seed.sections.items()
    ]


def cited_by(library: Library, fact: str) -> list[str]:
    """The rules whose evidence names a fact, in order of id."""
    return [
        rule.id
        for rule in library.rules_in_use()
        if any(fact == str(key) for entry in rule.model.evidence for key in entry.seed)
    ]
