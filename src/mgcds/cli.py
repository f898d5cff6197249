"""The command line: serve, evaluate, explain, check, test, schema, new-rule. Results on stdout, messages on stderr."""

from __future__ import annotations

import json
import sys
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress

from mgcds.check.cases import in_use, read_cases, run_file, uncovered
from mgcds.check.nudge import nudges, unnoticed
from mgcds.check.review import overdue, warnings
from mgcds.check.scaffold import ScaffoldError, new_rule
from mgcds.drawing import draw_cards, draw_explanations
from mgcds.engine.evaluate import Engine, Evaluation
from mgcds.engine.explain import explain as explain_rules
from mgcds.language.files import read_files
from mgcds.language.library import Library
from mgcds.language.load import load
from mgcds.language.rule import HOOKS, Rule
from mgcds.requestfile import UnreadableFile, chart_of_file, response_of
from mgcds.settings import Settings, SettingsError, read_settings
from mgcds.source import Problem, SourceError

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=(__doc__ or "").strip())
out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

GOOD, FOUND, WRONG_USE, INTERNAL = 0, 1, 2, 3
RulesOption = Annotated[Path | None, typer.Option("--rules", help="rule library; default MGCDS_RULES or the packaged one")]
TodayOption = Annotated[str | None, typer.Option("--today", help="the day to evaluate on, YYYY-MM-DD; default today")]
HookOption = Annotated[str, typer.Option("--hook", help="the hook to evaluate at, for files that are no request")]
JsonOption = Annotated[bool, typer.Option("--json", help="print JSON")]


def _stop(message: str, code: int = WRONG_USE) -> typer.Exit:
    err.print(f"mgcds: {message}", markup=False)
    return typer.Exit(code)


def _settings(**given: object) -> Settings:
    try:
        return read_settings(**given)
    except SettingsError as error:
        raise _stop(str(error)) from None


def _library(settings: Settings) -> Library:
    try:
        return load(settings.rules)
    except SourceError as error:
        _print_problems(error.problems)
        raise _stop(f"the rules cannot be used: {_count(len(error.problems), 'problem')}", FOUND) from None


def _print_problems(problems: list[Problem]) -> None:
    for problem in problems:
        out.print(str(problem), markup=False)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="address to bind (MGCDS_HOST)")] = None,
    port: Annotated[int | None, typer.Option(help="port (MGCDS_PORT)")] = None,
    rules: RulesOption = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="processes; one a core is a good number")] = 1,
) -> None:
    """Run the CDS Hooks service."""
    from mgcds.service.run import serve as run_service

    settings = _settings(host=host, port=port, rules=rules)
    if settings.auth == "off":
        err.print("mgcds: WARNING: callers are not authenticated (MGCDS_AUTH=off)")
    try:
        err.print(f"mgcds: serving on http://{settings.host}:{settings.port}, stop with Ctrl-C", markup=False)
        run_service(settings, workers)
    except SourceError as error:
        _print_problems(error.problems)
        raise _stop("the service does not start with a bad rule", FOUND) from None


def _engine(hook: str, today: str | None, rules: Path | None) -> tuple[Engine, date, Settings]:
    if hook not in HOOKS:
        raise _stop(f"'{hook}' is no hook we answer; choose one of {', '.join(HOOKS)}")
    settings = _settings(rules=rules)
    return Engine(_library(settings)), _day(today, settings), settings


def _day(today: str | None, settings: Settings) -> date:
    try:
        return date.fromisoformat(today) if today else settings.day()
    except ValueError:
        raise _stop(f"--today: '{today}' is not a day; write it like 2026-01-31") from None


def _evaluated(engine: Engine, file: Path, hook: str, day: date, settings: Settings) -> tuple[Evaluation, dict[str, Any]]:
    terminology = engine.library.terminology
    chart, call = chart_of_file(file, hook=hook, terminology=terminology, today=day, zone=settings.zone)
    return engine.evaluate(chart), call


@app.command()
def evaluate(
    file: Annotated[Path, typer.Argument(help="a CDS Hooks request, a Bundle, a list of resources (JSON, .gz) or a folder")],
    hook: HookOption = "patient-view",
    today: TodayOption = None,
    as_json: JsonOption = False,
    rules: RulesOption = None,
) -> None:
    """Show the cards for one patient, as a clinician would see them; of a folder, for each file."""
    files = sorted(path for path in file.rglob("*.json*") if path.is_file()) if file.is_dir() else [file]
    if not files:
        raise _stop(f"{file}: there is no JSON file in this folder")
    engine, day, settings = _engine(hook, today, rules)
    unreadable = 0
    for each in files:
        try:
            evaluation, call = _evaluated(engine, each, hook, day, settings)
        except UnreadableFile as error:
            err.print(f"mgcds: {each}: {error}", markup=False)
            unreadable += 1
            continue
        answer = response_of(evaluation, call, settings)
        if as_json:
            sys.stdout.write(json.dumps(answer, indent=None if file.is_dir() else 2, ensure_ascii=False) + "\n")
        else:
            if file.is_dir():
                out.print(f"\n{each.relative_to(file)}", markup=False)
            draw_cards(out, answer)
    if unreadable:
        raise typer.Exit(WRONG_USE)


@app.command()
def explain(
    file: Annotated[Path, typer.Argument(help="as for evaluate")],
    rule: Annotated[str | None, typer.Option(help="one rule id; default all rules of the hook")] = None,
    hook: HookOption = "patient-view",
    today: TodayOption = None,
    as_json: JsonOption = False,
    rules: RulesOption = None,
) -> None:
    """Say why each rule fired or stayed silent."""
    engine, day, settings = _engine(hook, today, rules)
    try:
        evaluation, _ = _evaluated(engine, file, hook, day, settings)
    except UnreadableFile as error:
        raise _stop(f"{file}: {error}") from None
    try:
        found = explain_rules(evaluation, rule)
    except KeyError:
        raise _stop(f"no rule '{rule}' answers {evaluation.chart.hook}") from None
    if as_json:
        rows = [{"rule": e.rule, "state": e.state, "level": e.level, "summary": e.summary, "missing": list(e.missing),
                 "lines": [{"holds": mark, "condition": text, "data": data} for mark, text, data in e.lines]}
                for e in found]  # fmt: skip
        sys.stdout.write(json.dumps(rows, indent=2, ensure_ascii=False) + "\n")
    else:
        draw_explanations(out, found)


@app.command()
def check(
    path: Annotated[Path | None, typer.Argument(help="rule library; default MGCDS_RULES or the packaged one")] = None,
    today: Annotated[str | None, typer.Option("--today", help="the day reviews must not be due on, YYYY-MM-DD")] = None,
) -> None:
    """Validate the library and its review dates, run every case, nudge every number and flip every comparison."""
    settings = _settings(rules=path)
    day = _day(today, settings)
    library = _library(settings)
    try:
        cases = read_cases(settings.rules)
    except SourceError as error:
        _print_problems(error.problems)
        raise _stop(f"the cases cannot be read: {_count(len(error.problems), 'problem')}", FOUND) from None
    engine = Engine(library)
    problems = uncovered(library, cases)
    cases = in_use(cases, library)
    problems += [problem for file in cases for problem in run_file(file, engine)]
    problems += overdue(library, day)
    _print_problems(sorted(warnings(library, day)))
    if problems:
        _print_problems(sorted(problems))
        raise _stop(f"{_count(len(problems), 'problem')} in cases and reviews; numbers were not nudged", FOUND)
    files = read_files(settings.rules)
    with Progress(console=err, transient=True) as progress:
        task = progress.add_task("nudging numbers", total=len(nudges(files)))
        total, missed = unnoticed(files, library.terminology, cases, lambda: progress.advance(task))
    _print_problems(missed)
    retired = len(library.rules) - len(library.rules_in_use())
    rules = _count(len(library.rules), "rule") + (f" ({retired} retired)" if retired else "")
    total_cases = _count(sum(len(file.cases) for file in cases), "case")
    out.print(f"{rules}, {total_cases} pass, {total} nudges, {len(missed)} unnoticed")
    if missed:
        raise typer.Exit(FOUND)


@app.command()
def test(
    rule: Annotated[str | None, typer.Argument(help="a rule id, vocabulary or policy; default all")] = None,
    rules: RulesOption = None,
) -> None:
    """Run the cases beside the rules."""
    settings = _settings(rules=rules)
    library = _library(settings)
    try:
        cases = [file for file in read_cases(settings.rules) if rule in (None, file.about)]
    except SourceError as error:
        _print_problems(error.problems)
        raise typer.Exit(FOUND) from None
    if not cases:
        raise _stop(f"there are no cases of '{rule}'")
    cases = in_use(cases, library)
    if not cases:
        raise _stop(f"'{rule}' is retired, so its cases are not run")
    engine = Engine(library)
    problems = [problem for file in cases for problem in run_file(file, engine)]
    _print_problems(problems)
    total = sum(len(file.cases) for file in cases)
    out.print(f"{total - len(problems)} of {_count(total, 'case')} pass")
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
    settings = _settings(rules=rules)
    try:
        paths = new_rule(settings.rules, rule_id, folder, settings.day())
    except ScaffoldError as error:
        raise _stop(str(error)) from None
    for path in paths:
        out.print(str(path), markup=False)


def main() -> None:
    """Entry point: an unexpected failure is one line and exit code 3, never a traceback with patient data."""
    try:
        app()
    except Exception as error:  # noqa: BLE001 - a traceback could print values of a chart
        err.print(f"mgcds: internal error ({type(error).__name__}); please report it", markup=False)
        sys.exit(INTERNAL)


if __name__ == "__main__":
    main()
