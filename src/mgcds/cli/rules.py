"""Verbs for those who write rules: check, test, schema, new-rule."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from mgcds.check.cases import CaseFile, in_use, read_cases, run_file, uncovered
from mgcds.check.noticing import unnoticed
from mgcds.check.nudge import nudges
from mgcds.check.review import overdue, warnings
from mgcds.check.scaffold import ScaffoldError, new_rule
from mgcds.check.sited import otherwise, told
from mgcds.cli.console import (
    FOUND,
    RulesOption,
    SiteOption,
    counted,
    day_of,
    err,
    library_of,
    out,
    print_problems,
    settings_of,
    stop,
)
from mgcds.engine.evaluate import Engine
from mgcds.language.files import read_files
from mgcds.language.library import Library
from mgcds.language.load import load
from mgcds.language.rule import Rule
from mgcds.language.site import SiteError
from mgcds.settings import Settings
from mgcds.source import SourceError

app = typer.Typer()


@app.command()
def check(
    path: Annotated[Path | None, typer.Argument(help="rule library; default MGCDS_RULES or the packaged one")] = None,
    site: SiteOption = None,
    today: Annotated[str | None, typer.Option("--today", help="the day reviews must not be due on, YYYY-MM-DD")] = None,
) -> None:
    """Validate the library and its review dates, run every case, nudge every number and flip every comparison.

    With a site file: check that file against the library, and say which cases of the library end otherwise under it.
    """
    settings = settings_of(rules=path, site=site)
    day = day_of(today, settings)
    library = library_of(settings, with_site=False)
    cases = _cases(settings)
    if settings.site is not None:
        _check_site(settings, library, in_use(cases, library))
        return
    engine = Engine(library)
    problems = uncovered(library, cases)
    cases = in_use(cases, library)
    problems += [problem for file in cases for problem in run_file(file, engine)]
    problems += overdue(library, day)
    print_problems(sorted(warnings(library, day)))
    if problems:
        print_problems(sorted(problems))
        raise stop(f"{counted(len(problems), 'problem')} in cases and reviews; numbers were not nudged", FOUND)
    files = read_files(settings.rules)
    with Progress(console=err, transient=True) as progress:
        task = progress.add_task("nudging numbers", total=len(nudges(files)))
        total, missed = unnoticed(files, library.terminology, cases, lambda: progress.advance(task))
    print_problems(missed)
    retired = len(library.rules) - len(library.rules_in_use())
    rules = counted(len(library.rules), "rule") + (f" ({retired} retired)" if retired else "")
    total_cases = counted(sum(len(file.cases) for file in cases), "case")
    out.print(f"{rules}, {total_cases} pass, {total} nudges, {len(missed)} unnoticed")
    if missed:
        raise typer.Exit(FOUND)


def _check_site(settings: Settings, library: Library, cases: list[CaseFile]) -> None:
    """Says what a site file comes to; exit code 1 where something is wrong with it."""
    try:
        sited = load(settings.rules, library.terminology, site=settings.site)
    except SiteError as error:
        print_problems(error.problems)
        raise stop(f"{counted(len(error.problems), 'problem')} in the site file", FOUND) from None
    found = otherwise(cases, Engine(library), Engine(sited))
    for line in told(sited, found, sum(len(file.cases) for file in cases)):
        out.print(line, markup=False)


def _cases(settings: Settings) -> list[CaseFile]:
    try:
        return read_cases(settings.rules)
    except SourceError as error:
        print_problems(error.problems)
        raise stop(f"the cases cannot be read: {counted(len(error.problems), 'problem')}", FOUND) from None


@app.command()
def test(
    rule: Annotated[str | None, typer.Argument(help="a rule id, vocabulary or policy; default all")] = None,
    rules: RulesOption = None,
    site: SiteOption = None,
) -> None:
    """Run the cases beside the rules. With a site file: also say which of them end otherwise under it."""
    settings = settings_of(rules=rules, site=site)
    library = library_of(settings, with_site=False)
    sited = library_of(settings) if settings.site is not None else None
    cases = [file for file in _cases(settings) if rule in (None, file.about)]
    if not cases:
        raise stop(f"there are no cases of '{rule}'")
    cases = in_use(cases, library)
    if not cases:
        raise stop(f"'{rule}' is retired, so its cases are not run")
    engine = Engine(library)
    problems = [problem for file in cases for problem in run_file(file, engine)]
    print_problems(problems)
    total = sum(len(file.cases) for file in cases)
    out.print(f"{total - len(problems)} of {counted(total, 'case')} pass")
    if sited is not None:
        for line in told(sited, otherwise(cases, engine, Engine(sited)), total):
            out.print(line, markup=False)
    if problems:
        raise typer.Exit(FOUND)


@app.command()
def schema() -> None:
    """Print a JSON schema of rule files, for editors."""
    sys.stdout.write(json.dumps(Rule.model_json_schema(), indent=2) + "\n")


@app.command("new-rule")
def new_rule_command(
    rule_id: Annotated[str, typer.Argument(metavar="ID", help="<nutrient>-<situation>, like mg-low-example")],
    folder: Annotated[str | None, typer.Option(help="folder under the library; default where such rules are")] = None,
    rules: RulesOption = None,
) -> None:
    """Write a rule and its cases from a template."""
    settings = settings_of(rules=rules)
    try:
        paths = new_rule(settings.rules, rule_id, folder, settings.day())
    except ScaffoldError as error:
        raise stop(str(error)) from None
    for path in paths:
        out.print(str(path), markup=False)
