"""Whether some case notices a nudge: the library is changed, and the cases that reach the number are run."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from mgcds.check.cases import VOCABULARY, CaseFile, run
from mgcds.check.nudge import Nudge, Trees, nudges, trees_of
from mgcds.engine.evaluate import Engine
from mgcds.language.cases import Case
from mgcds.language.files import Files, changed
from mgcds.language.library import Asked, Library
from mgcds.language.lint import lint
from mgcds.language.load import build
from mgcds.source import Problem, SourceError, Text
from mgcds.terminology import Terminology
from mgcds.terminology.concepts import load_concepts
from mgcds.terminology.drugs import SALTS, read_salts

FEW = 40  # so few nudges are not worth a second process


@dataclass(frozen=True, slots=True)
class _Work:
    """What every process needs; made before the processes start, so that they inherit it."""

    files: Files
    trees: Trees
    library: Library
    cases: list[CaseFile]
    nudges: list[Nudge]


_work: _Work | None = None


def unnoticed(
    files: Files,
    terminology: Terminology,
    cases: list[CaseFile],
    tick: Callable[[], None] = lambda: None,
    *,
    only: Callable[[Nudge], bool] = lambda _: True,
) -> tuple[int, list[Problem]]:
    """How many nudges there are (`only` some of them), and those that no case notices. Uses every core where it can."""
    global _work
    trees = trees_of(files)
    made = [nudge for nudge in nudges(files, trees) if only(nudge)]
    library, problems = build(files, terminology)
    if library is None:
        raise SourceError(problems)
    _work = _Work(files, trees, library, cases, made)
    missed: list[Problem] = []
    for number, noticed in _answers(len(made)):
        if not noticed:
            missed.append(made[number].problem)
        tick()
    return len(made), sorted(set(missed))


def _answers(count: int) -> Iterator[tuple[int, bool]]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    if count <= FEW or cores == 1 or "fork" not in multiprocessing.get_all_start_methods():
        yield from map(_answer, range(count))
        return
    with multiprocessing.get_context("fork").Pool(cores) as pool:
        yield from pool.imap_unordered(_answer, range(count), chunksize=4)


def _answer(number: int) -> tuple[int, bool]:
    assert _work is not None
    return number, _noticed(_work.nudges[number], _work)


def _noticed(nudge: Nudge, work: _Work) -> bool:
    try:
        library = _mutated(nudge, work.files, work.trees, work.library.terminology)
    except (SourceError, ValueError, ArithmeticError):
        return True  # a change that does not load cannot slip through
    if library is None:
        return True
    engine = Engine(library, with_durable=False)
    watching = [(case, file) for file in _watchers(nudge, work.cases, work.library) for case in file.cases]
    watching.sort(key=lambda each: not nudge.near & _named(each[0]))
    return any(run(case, file, engine, texts=False) is not None for case, file in watching)


def _named(case: Case) -> set[str]:
    """The words a case's chart names: drugs, results, conditions."""
    return {str(value) for line in case.chart for _, value in line if isinstance(value, Text)}


def _watchers(nudge: Nudge, cases: list[CaseFile], library: Library) -> list[CaseFile]:
    """Whose cases must notice: a rule's own; the vocabulary's for shared numbers; for a table, of all that reach it."""
    if nudge.file.startswith("vocabulary/"):
        return [file for file in cases if file.about == VOCABULARY]
    own = [file for file in cases if file.file.removesuffix(".test.yaml") == nudge.file.removesuffix(".yaml")]
    if own or not nudge.file.startswith("tables/") or nudge.file == SALTS:
        return own or cases
    table = nudge.file.removeprefix("tables/").removesuffix(".yaml")
    reached = {rule.id for rule in library.rules.values() if any(_uses(library.questions[key], table) for key in rule.needs)}
    return [file for file in cases if file.about == VOCABULARY or file.about in reached]


def _uses(asked: Asked, table: str) -> bool:
    return any(str(getattr(asked.question, field, "")) == table for field in ("table", "intervals", "dose_at_least"))


def _mutated(nudge: Nudge, files: Files, trees: Trees, terminology: Terminology) -> Library | None:
    def one(tree: Any) -> Any:
        return changed(tree, nudge.old, nudge.new)

    if nudge.file == SALTS:
        terminology = replace(terminology, drugs=replace(terminology.drugs, salts=read_salts(one(trees.salts))))
    elif nudge.file.startswith("concepts/"):
        concepts = {file: one(tree) if file == nudge.file else tree for file, tree in trees.concepts.items()}
        terminology = replace(terminology, index=load_concepts(files.root, concepts))
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
