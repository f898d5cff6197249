"""Nudges every number by its last digit and flips every comparison: some case must notice."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from mgcds.check.cases import VOCABULARY, CaseFile, run
from mgcds.engine.evaluate import Engine
from mgcds.language.files import Files, changed
from mgcds.language.library import Library
from mgcds.language.lint import lint
from mgcds.language.load import build
from mgcds.source import Place, Problem, SourceError, Text, read, scalars
from mgcds.terminology import Terminology
from mgcds.terminology.concepts import concept_trees, load_concepts
from mgcds.terminology.drugs import SALTS, read_salts
from mgcds.units import parse_quantity

# Where numbers decide. Everything else with a digit in it (titles, versions, dates, codes, card text) is prose.
_IN_RULES = ("find", "when", "unless", "level")
_IN_TABLES = ("rows",)
_IN_CONCEPTS = ("factors", "divide", "plausible", "formula", "procedure_lasts")
_NOT_NUMBERS = frozenset({"source", "site_may_change", "because", "drug", "title", "label", "basis", "name", "of", "with"})
_LITERAL = re.compile(
    r"within \d+ days?|at least \d+ (?:days?|years)(?: ago)?|\d+ to \d+ (?:days? ago|years)|\d+(?:\.\d+)? h|\d+ (?:days?|years)"
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

    @property
    def problem(self) -> Problem:
        """What to say where no case notices."""
        return Problem(self.old.place, f"no case notices {self.old} -> {self.new}")


def nudges(files: Files) -> list[Nudge]:
    """Every nudge of a library, in file order; a retired rule and what only it uses decide nothing."""
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
    for key in ("suppress", "supersede"):
        found += list(_of("policy.yaml", files.policy.get(key, {})))
    if len(files.policy["groups"]) > int(files.policy["cards"]["at_most"]):  # else the limit cannot bite yet
        found += list(_of("policy.yaml", {"at_most": files.policy["cards"]["at_most"]}, bare=True))
    found += list(_of(SALTS, read(files.root / SALTS, shown_as=SALTS), bare=True))
    for file, tree in concept_trees(files.root).items():
        for block in tree.values():
            found += [nudge for key in _IN_CONCEPTS if key in block for nudge in _of(file, {key: block[key]}, bare=True)]
    return found


def _rules(files: Files) -> tuple[dict[str, Any], set[str]]:
    """The rules in use, and the names that only retired rules mention."""
    retired = {file for file, tree in files.rules.items() if tree["stewardship"]["status"] == "retired"}
    used = {file: tree for file, tree in files.rules.items() if file not in retired}
    mentioned = {str(name) for tree in (*used.values(), *files.vocabulary.values()) for name in scalars(tree)}
    return used, {str(name) for file in retired for name in scalars(files.rules[file])} - mentioned


def _name(tree: Any) -> str:
    return str(tree["table"] if "table" in tree else tree["intervals"])


def _of(file: str, tree: Any, *, bare: bool = False) -> Iterator[Nudge]:
    if isinstance(tree, dict):
        for key, value in tree.items():
            if isinstance(key, Text) and key in _FLIPS and not bare:
                yield Nudge(file, key, _FLIPS[key])
            if key not in _NOT_NUMBERS:
                yield from _of(file, value, bare=bare or key == "times")
    elif isinstance(tree, list):
        for item in tree:
            yield from _of(file, item, bare=bare)
    elif isinstance(tree, Text) and _is_number(tree, bare):
        for match in _BARE.finditer(tree):
            for step in (1, -1):
                number = _stepped(match[0], step)
                if not (number.startswith("-") and "day" in tree):  # no length is negative
                    yield Nudge(file, tree, tree[: match.start()] + number + tree[match.end() :])


def _is_number(text: Text, bare: bool) -> bool:
    return bool(_LITERAL.fullmatch(text) or parse_quantity(text) is not None or (bare and _BARE.fullmatch(text)))


def _stepped(number: str, step: int) -> str:
    """The number with its last digit one up or down."""
    decimals = len(number.partition(".")[2])
    return f"{Decimal(number) + step * Decimal(1).scaleb(-decimals):.{decimals}f}"


def unnoticed(
    files: Files, terminology: Terminology, cases: list[CaseFile], tick: Callable[[], None] = lambda: None
) -> tuple[int, list[Problem]]:
    """How many nudges there are, and those that no case notices."""
    made = nudges(files)
    missed = []
    for nudge in made:
        if not _noticed(nudge, files, terminology, cases):
            missed.append(nudge.problem)
        tick()
    return len(made), sorted(set(missed))


def _noticed(nudge: Nudge, files: Files, terminology: Terminology, cases: list[CaseFile]) -> bool:
    try:
        library = _mutated(nudge, files, terminology)
    except (SourceError, ValueError, ArithmeticError):
        return True  # a change that does not load cannot slip through
    if library is None:
        return True
    engine = Engine(library, with_durable=False)
    return any(run(case, file, engine, texts=False) is not None for file in _watchers(nudge, cases) for case in file.cases)


def _watchers(nudge: Nudge, cases: list[CaseFile]) -> list[CaseFile]:
    """Whose cases must notice: a rule's own, the vocabulary's for shared numbers, all for tables and policy."""
    if nudge.file.startswith("vocabulary/"):
        return [file for file in cases if file.about == VOCABULARY]
    own = [file for file in cases if file.file.removesuffix(".test.yaml") == nudge.file.removesuffix(".yaml")]
    return own or cases


def _mutated(nudge: Nudge, files: Files, terminology: Terminology) -> Library | None:
    def one(tree: Any) -> Any:
        return changed(tree, nudge.old, nudge.new)

    if nudge.file == SALTS:
        tree = read(files.root / SALTS, shown_as=SALTS)
        drugs = replace(terminology.drugs, salts=read_salts(_at_place(tree, nudge)))
        terminology = replace(terminology, drugs=drugs)
    elif nudge.file.startswith("concepts/"):
        trees = {
            file: _at_place(tree, nudge) if file == nudge.file else tree for file, tree in concept_trees(files.root).items()
        }
        terminology = replace(terminology, index=load_concepts(files.root, trees))
    else:
        files = replace(
            files,
            rules={file: one(tree) if file == nudge.file else tree for file, tree in files.rules.items()},
            vocabulary={file: one(tree) if file == nudge.file else tree for file, tree in files.vocabulary.items()},
            tables={file: one(tree) if file == nudge.file else tree for file, tree in files.tables.items()},
            policy=one(files.policy) if nudge.file == "policy.yaml" else files.policy,
        )
    library, problems = build(files, terminology)
    return None if problems or library is None or lint(library) else library


def _at_place(tree: Any, nudge: Nudge) -> Any:
    """The nudge in a tree that was parsed anew: found by place, not by identity."""
    found = next((text for text in _texts(tree) if text.place == nudge.old.place), None)
    return changed(tree, found, nudge.new) if found is not None else tree


def _texts(tree: Any) -> Iterator[Text]:
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield key
            yield from _texts(value)
    elif isinstance(tree, list):
        for item in tree:
            yield from _texts(item)
    elif isinstance(tree, Text):
        yield tree


__all__ = ["Nudge", "Place", "nudges", "unnoticed"]
