"""The command line: serve, evaluate, explain, check, test and more. Results on stdout, messages on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import DownloadColumn, Progress

from mgcds.check.cases import CaseFile, in_use, read_cases, run_file, uncovered
from mgcds.check.noticing import unnoticed
from mgcds.check.nudge import nudges
from mgcds.check.review import overdue, warnings
from mgcds.check.scaffold import ScaffoldError, new_rule
from mgcds.check.sited import otherwise, told
from mgcds.drawing import draw_explanations, draw_import
from mgcds.engine.evaluate import Engine, Evaluation
from mgcds.engine.explain import explain as explain_rules
from mgcds.evaluator import Evaluator
from mgcds.language.files import read_files
from mgcds.language.library import Library
from mgcds.language.load import load
from mgcds.language.rule import HOOKS, Rule
from mgcds.language.site import SiteError
from mgcds.requestfile import UnreadableFile, chart_of_file
from mgcds.settings import Settings, SettingsError, read_settings
from mgcds.source import Problem, SourceError
from mgcds.store import StoreError
from mgcds.survey import as_json as survey_json
from mgcds.survey import as_markdown as survey_markdown
from mgcds.survey import files_below
from mgcds.survey import survey as take_survey
from mgcds.terminology.rxnorm import ReleaseError, import_release
from mgcds.terminology.rxnorm.files import release_files

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=(__doc__ or "").strip())
out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

GOOD, FOUND, WRONG_USE, INTERNAL = 0, 1, 2, 3
SiteOption = Annotated[Path | None, typer.Option("--site", help="site file; default MGCDS_SITE")]
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


def _library(settings: Settings, *, with_site: bool = True) -> Library:
    """The rules as the site has them: its product table below, its site file on top; or as the library has them."""
    try:
        if not with_site:
            return load(settings.rules)
        return load(settings.rules, products=settings.product_table, site=settings.site)
    except SiteError as error:
        raise _bad_site(error) from None
    except SourceError as error:
        _print_problems(error.problems)
        raise _stop(f"the rules cannot be used: {_count(len(error.problems), 'problem')}", FOUND) from None


def _bad_site(error: SiteError) -> typer.Exit:
    _print_problems(error.problems, err)
    return _stop(f"the site file cannot be used: {_count(len(error.problems), 'problem')}")


def _print_problems(problems: list[Problem], to: Console = out) -> None:
    for problem in problems:
        to.print(str(problem), markup=False)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="address to bind (MGCDS_HOST)")] = None,
    port: Annotated[int | None, typer.Option(help="port (MGCDS_PORT)")] = None,
    rules: RulesOption = None,
    site: SiteOption = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="processes; one a core is a good number")] = 1,
) -> None:
    """Run the CDS Hooks service."""
    from mgcds.service.run import serve as run_service

    settings = _settings(host=host, port=port, rules=rules, site=site)
    if settings.auth == "off":
        err.print("mgcds: WARNING: callers are not authenticated (MGCDS_AUTH=off)")
    try:
        err.print(f"mgcds: serving on http://{settings.host}:{settings.port}, stop with Ctrl-C", markup=False)
        run_service(settings, workers)
    except SiteError as error:
        raise _bad_site(error) from None
    except SourceError as error:
        _print_problems(error.problems)
        raise _stop("the service does not start before this is mended", FOUND) from None
    except StoreError as error:
        raise _stop(f"MGCDS_DATA_DIR: {error}") from None


def _engine(hook: str, today: str | None, rules: Path | None, site: Path | None) -> tuple[Engine, date, Settings]:
    if hook not in HOOKS:
        raise _stop(f"'{hook}' is no hook we answer; choose one of {', '.join(HOOKS)}")
    settings = _settings(rules=rules, site=site)
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
    site: SiteOption = None,
) -> None:
    """Show the cards for one patient, as a clinician would see them; of a folder or an NDJSON file of Bundles, for each."""
    files = files_below(file) if file.is_dir() else [file]
    if not files:
        raise _stop(f"{file}: there is no JSON file in this folder")
    engine, day, settings = _engine(hook, today, rules, site)
    evaluator = Evaluator(engine, hook, day, settings, file if file.is_dir() else None, as_json, out)
    if evaluator.all_of(files, err):
        raise typer.Exit(WRONG_USE)


@app.command()
def explain(
    file: Annotated[Path, typer.Argument(help="as for evaluate")],
    rule: Annotated[str | None, typer.Option(help="one rule id; default all rules of the hook")] = None,
    hook: HookOption = "patient-view",
    today: TodayOption = None,
    as_json: JsonOption = False,
    rules: RulesOption = None,
    site: SiteOption = None,
) -> None:
    """Say why each rule fired or stayed silent."""
    engine, day, settings = _engine(hook, today, rules, site)
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
def survey(
    folder: Annotated[Path, typer.Argument(help="a folder of FHIR files, a patient a file; its sub-folders are the columns")],
    hook: HookOption = "patient-view",
    today: Annotated[str | None, typer.Option("--today", help="a day for all; default each patient's newest record")] = None,
    as_json: JsonOption = False,
    rules: RulesOption = None,
    site: SiteOption = None,
) -> None:
    """Count findings per 100 patients by rule and source, and medicines that were not understood."""
    if not folder.is_dir():
        raise _stop(f"{folder}: there is no such folder")
    engine, day, settings = _engine(hook, today, rules, site)
    with Progress(console=err, transient=True) as progress:
        task = progress.add_task("reading", total=len(files_below(folder)))
        found = take_survey(folder, engine, hook=hook, today=day if today else None, zone=settings.zone,
                            tick=lambda: progress.advance(task))  # fmt: skip
    sys.stdout.write(json.dumps(survey_json(found), indent=2) + "\n" if as_json else survey_markdown(found))


@app.command()
def check(
    path: Annotated[Path | None, typer.Argument(help="rule library; default MGCDS_RULES or the packaged one")] = None,
    site: SiteOption = None,
    today: Annotated[str | None, typer.Option("--today", help="the day reviews must not be due on, YYYY-MM-DD")] = None,
) -> None:
    """Validate the library and its review dates, run every case, nudge every number and flip every comparison.

    With a site file: check that file against the library, and say which cases of the library end otherwise under it.
    """
    settings = _settings(rules=path, site=site)
    day = _day(today, settings)
    library = _library(settings, with_site=False)
    cases = _cases(settings)
    if settings.site is not None:
        _check_site(settings, library, in_use(cases, library))
        return
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


def _check_site(settings: Settings, library: Library, cases: list[CaseFile]) -> None:
    """Says what a site file comes to; exit code 1 where something is wrong with it."""
    try:
        sited = load(settings.rules, library.terminology, site=settings.site)
    except SiteError as error:
        _print_problems(error.problems)
        raise _stop(f"{_count(len(error.problems), 'problem')} in the site file", FOUND) from None
    found = otherwise(cases, Engine(library), Engine(sited))
    for line in told(sited, found, sum(len(file.cases) for file in cases)):
        out.print(line, markup=False)


def _cases(settings: Settings) -> list[CaseFile]:
    try:
        return read_cases(settings.rules)
    except SourceError as error:
        _print_problems(error.problems)
        raise _stop(f"the cases cannot be read: {_count(len(error.problems), 'problem')}", FOUND) from None


@app.command()
def test(
    rule: Annotated[str | None, typer.Argument(help="a rule id, vocabulary or policy; default all")] = None,
    rules: RulesOption = None,
    site: SiteOption = None,
) -> None:
    """Run the cases beside the rules. With a site file: also say which of them end otherwise under it."""
    settings = _settings(rules=rules, site=site)
    library = _library(settings, with_site=False)
    sited = _library(settings) if settings.site is not None else None
    cases = [file for file in _cases(settings) if rule in (None, file.about)]
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
    settings = _settings(rules=rules)
    try:
        paths = new_rule(settings.rules, rule_id, folder, settings.day())
    except ScaffoldError as error:
        raise _stop(str(error)) from None
    for path in paths:
        out.print(str(path), markup=False)


terminology_app = typer.Typer(no_args_is_help=True, help="The site's own product table.")
app.add_typer(terminology_app, name="terminology")


@terminology_app.command("import")
def import_terminology(
    source: Annotated[
        Path, typer.Argument(metavar="DIR", help="an unpacked RxNorm release: the folder of RXNCONSO.RRF, or above")
    ],
    to: Annotated[Path | None, typer.Option("--to", help="folder to write; default MGCDS_DATA_DIR/terminology")] = None,
    rules: RulesOption = None,
) -> None:
    """Make the site's own product table of an RxNorm release; from then on it lies on top of the packaged one."""
    settings = _settings(rules=rules)
    folder = to or settings.product_table
    if folder is None:
        raise _stop("where should the table go? Set MGCDS_DATA_DIR to the folder that the service keeps its data in, "
                    "or name a folder with --to")  # fmt: skip
    drugs = _library(settings, with_site=False).terminology.drugs
    try:
        with _reading(source) as advance:
            summary = import_release(source, folder, drugs, advance)
    except ReleaseError as error:
        for problem in error.problems:
            err.print(f"mgcds: {problem}", markup=False)
        raise typer.Exit(WRONG_USE) from None
    draw_import(out, summary)
    if folder != settings.product_table:
        err.print(f"mgcds: the service reads MGCDS_DATA_DIR/terminology; this table is in {folder}", markup=False)


@contextmanager
def _reading(source: Path) -> Iterator[Callable[[str, int], None]]:
    """A progress bar on stderr, by bytes of all the files."""
    total = sum(file.stat().st_size for file in release_files(source).values())
    with Progress(*Progress.get_default_columns(), DownloadColumn(), console=err, transient=True) as progress:
        task = progress.add_task("reading", total=total)
        yield lambda name, count: progress.update(task, advance=count, description=name)


def main() -> None:
    """Entry point: an unexpected failure is one line and exit code 3, never a traceback with patient data."""
    try:
        app()
    except Exception as error:  # noqa: BLE001 - a traceback could print values of a chart
        err.print(f"mgcds: internal error ({type(error).__name__}); please report it", markup=False)
        sys.exit(INTERNAL)


if __name__ == "__main__":
    main()
