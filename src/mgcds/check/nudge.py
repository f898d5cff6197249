"""Nudges every number by its last digit and flips every comparison: some case must notice."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from mgcds.language.files import Files
from mgcds.source import Problem, Text, read, scalars
from mgcds.terminology.concepts import concept_trees
from mgcds.terminology.drugs import SALTS
from mgcds.units import parse_quantity

# Where numbers decide. Everything else with a digit in it (titles, versions, dates, codes, card text) is prose.
_IN_RULES = ("find", "when", "unless", "level")
_IN_TABLES = ("rows",)
_IN_CONCEPTS = ("factors", "divide", "plausible", "formula", "procedure_lasts", "answer_lasts")
_NOT_NUMBERS = frozenset({"source", "site_may_change", "because", "drug", "title", "label", "basis", "name", "of", "with"})
_LITERAL = re.compile(
    r"within \d+ days?|at (?:least|most) \d+ (?:days?|years)(?: ago)?|\d+ to \d+ (?:days? ago|years)"
    r"|\d+(?:\.\d+)? h|\d+ (?:days?|years)"
    r"|(?:at least \d+|\d+ to \d+) days? (?:before|after) [a-z0-9_]+|\d+(?:\.\d+)? to \d+(?:\.\d+)? \S+"
)
_BARE = re.compile(r"-?\d+(?:\.\d+)?")
_FLIPS = {"below": "at_most", "at_most": "below", "above": "at_least", "at_least": "above"}


@dataclass(frozen=True, slots=True)
class Nudge:
    """One small change of one file, and how it reads."""

    file: str
    old: Text
    new: str
    near: frozenset[str] = frozenset()  # the words beside it: cases that name one of them are asked first

    @property
    def problem(self) -> Problem:
        """What to say where no case notices."""
        return Problem(self.old.place, f"no case notices {self.old} -> {self.new}")


@dataclass(frozen=True, slots=True)
class Trees:
    """The trees that only nudging needs, read once: they are slow to parse."""

    concepts: Mapping[str, Any]
    salts: Any


def trees_of(files: Files) -> Trees:
    """Reads them."""
    return Trees(concept_trees(files.root), read(files.root / SALTS, shown_as=SALTS))


def nudges(files: Files, trees: Trees | None = None) -> list[Nudge]:
    """Every nudge of a library, in file order; a retired rule and what only it uses decide nothing."""
    trees = trees or trees_of(files)
    found: list[Nudge] = []
    used, resting = _rules(files)
    for file, tree in used.items():
        found += [nudge for key in _IN_RULES if key in tree for nudge in _of(file, tree[key])]
    for file, tree in files.vocabulary.items():
        found += list(_of(file, tree))
    for file, tree in files.tables.items():
        if _name(tree) in resting:
            continue
        found += [nudge for key in _IN_TABLES for nudge in _of(file, tree[key])]
    for key in ("suppress", "supersede", "remember"):
        found += list(_of("policy.yaml", files.policy.get(key, {})))
    if len(files.policy["groups"]) > int(files.policy["cards"]["at_most"]):  # else the limit cannot bite yet
        found += list(_of("policy.yaml", {"at_most": files.policy["cards"]["at_most"]}, bare=True))
    found += list(_of(SALTS, trees.salts, bare=True))
    for file, tree in trees.concepts.items():
        for name, block in tree.items():
            near = frozenset({str(name)})
            found += [
                nudge for key in _IN_CONCEPTS if key in block for nudge in _of(file, {key: block[key]}, bare=True, near=near)
            ]
    return found


def _rules(files: Files) -> tuple[dict[str, Any], set[str]]:
    """The rules in use, and the names that only retired rules mention."""
    retired = {file for file, tree in files.rules.items() if tree["stewardship"]["status"] == "retired"}
    used = {file: tree for file, tree in files.rules.items() if file not in retired}
    mentioned = {str(name) for tree in (*used.values(), *files.vocabulary.values()) for name in scalars(tree)}
    return used, {str(name) for file in retired for name in scalars(files.rules[file])} - mentioned


def _name(tree: Any) -> str:
    return str(tree["table"] if "table" in tree else tree["intervals"])


def _of(file: str, tree: Any, *, bare: bool = False, near: frozenset[str] = frozenset()) -> Iterator[Nudge]:
    if isinstance(tree, dict):
        near |= {str(value) for value in tree.values() if isinstance(value, Text)}
        for key, value in tree.items():
            if isinstance(key, Text) and key in _FLIPS and not bare:
                yield Nudge(file, key, _FLIPS[key])
            if key not in _NOT_NUMBERS:
                yield from _of(file, value, bare=bare or key == "times", near=near)
    elif isinstance(tree, list):
        for item in tree:
            yield from _of(file, item, bare=bare, near=near)
    elif isinstance(tree, Text) and _is_number(tree, bare):
        for match in _BARE.finditer(tree):
            for step in (1, -1):
                number = _stepped(match[0], step)
                if not (number.startswith("-") and "day" in tree):  # no length is negative
                    yield Nudge(file, tree, tree[: match.start()] + number + tree[match.end() :], near)


def _is_number(text: Text, bare: bool) -> bool:
    return bool(_LITERAL.fullmatch(text) or parse_quantity(text) is not None or (bare and _BARE.fullmatch(text)))


def _stepped(number: str, step: int) -> str:
    """The number with its last digit one up or down."""
    decimals = len(number.partition(".")[2])
    return f"{Decimal(number) + step * Decimal(1).scaleb(-decimals):.{decimals}f}"
