"""A small library for examples: the real concepts, classes and tables, and whatever questions an example asks."""

from __future__ import annotations

import shutil
from pathlib import Path
from textwrap import dedent, indent

from mgcds.check.charts import chart_of, overrides_of
from mgcds.engine.answer import Answer
from mgcds.engine.evaluate import Engine, Evaluation
from mgcds.language.cases import Case, Cases
from mgcds.language.files import read_files
from mgcds.language.library import Library
from mgcds.language.lint import lint
from mgcds.language.load import build
from mgcds.language.problems import validate
from mgcds.language.rule import HOOKS
from mgcds.language.sited import with_site
from mgcds.source import Problem, SourceError, read_text
from mgcds.terminology import Terminology

RULES = Path(__file__).parent.parent.parent / "rules"
POLICY = """
order_hooks: [order-select, order-sign, medication-refill, medication-verify]
problem_hooks: [problem-list-item-create]
cards: {at_most: 5, interruptive: [critical at order-sign]}
groups: {low-mg: {title: Low magnesium}, other: {title: Other}}
override_reasons: [not-applicable]
sentences: {mg-limit: A normal value does not exclude depletion.}
never_write: {MgSO4: "write magnesium sulfate, never an abbreviation"}
"""
RULE = """
rule: {id}
title: An example
stewardship: {{version: 1.0.0, status: draft, owner: tests, reviewed: 2026-01-01, review_by: 2027-01-01}}
hooks: [{hooks}]
shown_in: {{group: {group}, priority: 1}}
why: An example.
evidence: [{{source: expert, strength: expert{backs}}}]
"""
_terminology: Terminology | None = None
EVERY_HOOK = ", ".join(HOOKS)


class Mini:
    """Writes a library into a folder and asks it."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "rules"
        self.site_file: Path | None = None
        for name in ("concepts", "classes", "tables"):
            shutil.copytree(RULES / name, self.root / name)
        (self.root / "policy.yaml").write_text(POLICY)
        (self.root / "reasons.yaml").write_text("not-applicable: Does not apply\n")
        shutil.copy(RULES / "sources.yaml", self.root / "sources.yaml")
        shutil.copy(RULES / "governance.yaml", self.root / "governance.yaml")

    def write(self, path: str, text: str) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(dedent(text).lstrip("\n"))

    def rule(
        self, body: str, *, id: str = "ex-ample", hooks: str = "patient-view", group: str = "other", backs: str = ""
    ) -> None:
        self.write(
            f"examples/{id}.yaml",
            RULE.format(id=id, hooks=hooks, group=group, backs=f", backs: [{backs}]" if backs else "") + dedent(body),
        )

    def questions(self, text: str) -> None:
        """Questions, and a rule that prints them all, so that none is unused."""
        self.write("vocabulary/spec.yaml", text)
        names = [line.split(":")[0] for line in dedent(text).strip().splitlines() if line and line[0] not in " #-"]
        printed = " ".join(f"{{{{ {name} }}}}" for name in names)
        self.rule(f'when: [{names[0]}: present]\nlevel: info\ncard:\n  summary: Seen.\n  detail: "{printed}"\ntriggers: [{names[0]}]\n',
                  hooks=EVERY_HOOK)  # fmt: skip

    def site(self, text: str) -> Mini:
        """A site file, which every later example is under."""
        self.site_file = self.root.parent / "site.yaml"
        self.site_file.write_text(dedent(text).lstrip("\n"))
        return self

    def build(self) -> tuple[Library | None, list[Problem]]:
        global _terminology
        _terminology = _terminology or Terminology.load(self.root)  # the same in every example, and slow to read
        try:
            files = read_files(self.root)
            library, problems = build(files, _terminology)
            if library is None or problems or self.site_file is None:
                return library, problems
            return with_site(library, files, self.site_file), []
        except SourceError as error:
            return None, error.problems

    def problems(self) -> list[str]:
        """Everything wrong with the library, as an author would read it."""
        library, problems = self.build()
        found = [str(problem) for problem in (problems or (lint(library) if library else []))]
        return [line.removeprefix(f"{self.root.parent}/") for line in found]

    def evaluate(self, lines: str, at: str = "patient-view", overridden: str = "[]") -> Evaluation:
        library, problems = self.build()
        assert library is not None, problems
        example = case(lines, at, overridden)
        return Engine(library).evaluate(chart_of(example, library.terminology), overrides_of(example))

    def ask(self, name: str, lines: str = "", at: str = "patient-view") -> Answer:
        return self.evaluate(lines, at).answers[name]

    def outcome(self, lines: str, at: str = "patient-view", rule: str = "ex-ample", overridden: str = "[]") -> str:
        outcome = self.evaluate(lines, at, overridden).outcomes[rule]
        return outcome.level or "fired" if outcome.state == "fired" else outcome.reason or outcome.state


def case(lines: str, at: str = "patient-view", overridden: str = "[]") -> Case:
    """A case whose chart has these lines."""
    body = f"cases:\n  - case: example\n    at: {at}\n    overridden: {overridden}\n    expect: silent\n"
    if lines.strip():
        body += "    chart:\n" + indent(dedent(lines).strip(), "      ") + "\n"
    problems: list[Problem] = []
    cases = validate(Cases, read_text(body, "example"), problems, "example")
    assert cases is not None, problems
    return cases.cases[0]


__all__ = ["Mini", "case"]
