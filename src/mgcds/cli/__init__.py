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
from rich.progress import DownloadColumn, Progress

from mgcds.check.cases import CaseFile, in_use, read_cases, run_file, uncovered
from mgcds.check.noticing import unnoticed
from mgcds.check.nudge import nudges
from mgcds.check.review import overdue, warnings
from mgcds.check.scaffold import ScaffoldError, new_rule
from mgcds.check.sited import otherwise, told
from mgcds.cli import ehr
from mgcds.cli import store as cli_store
from mgcds.cli.console import (
    FOUND,
    INTERNAL,
    WRONG_USE,
    HookOption,
    JsonOption,
    RulesOption,
    SiteOption,
    TodayOption,
    bad_site,
    counted,
    day_of,
    engine_of,
    err,
    library_of,
    out,
    print_problems,
    settings_of,
    stop,
)
from mgcds.drawing import draw_explanations, draw_import
from mgcds.engine.evaluate import Engine, Evaluation
from mgcds.engine.explain import explain as explain_rules
from mgcds.evaluator import Evaluator
from mgcds.language.files import read_files
from mgcds.language.library import Library
from mgcds.language.load import load
from mgcds.language.rule import Rule
from mgcds.language.site import SiteError
from mgcds.requestfile import UnreadableFile, chart_of_file
from mgcds.settings import Settings, SettingsError
from mgcds.source import SourceError
from mgcds.store import StoreError
from mgcds.survey import as_json as survey_json
from mgcds.survey import as_markdown as survey_markdown
from mgcds.survey import files_below
from mgcds.survey import survey as take_survey
from mgcds.terminology.rxnorm import ReleaseError, import_release
from mgcds.terminology.rxnorm.files import release_files

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=(__doc__ or "").strip())
app.add_typer(ehr.app)


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="address to bind (MGCDS_HOST)")] = None,
    port: Annotated[int | None, typer.Option(help="port (MGCDS_PORT)")] = None,
    rules: RulesOption = None,
    site: SiteOption = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="processes; one a core is a good number")] = 1,
) -> None:
    """Run the CDS Hooks service."""
    from mgcds.selftest import self_test
    from mgcds.service.clients import ClientsError
    from mgcds.service.run import serve as run_service

    settings = settings_of(host=host, port=port, rules=rules, site=site)
    if settings.auth == "off":
        err.print("mgcds: WARNING: callers are not authenticated (MGCDS_AUTH=off)")
    try:
        err.print(f"mgcds: serving on http://{settings.host}:{settings.port}, stop with Ctrl-C", markup=False)
        if not run_service(settings, workers, self_test):
            raise stop("a worker could not start; the log says why", INTERNAL)
    except SiteError as error:
        raise bad_site(error) from None
    except ClientsError as error:
        print_problems(error.problems, err)
        raise stop(f"the clients file cannot be used: {counted(len(error.problems), 'problem')}") from None
    except SourceError as error:
        print_problems(error.problems)
        raise stop("the service does not start before this is mended", FOUND) from None
    except StoreError as error:
        raise stop(f"MGCDS_DATA_DIR or MGCDS_DATABASE_URL: {error}") from None
    except SettingsError as error:
        raise stop(str(error)) from None


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
        raise stop(f"{file}: there is no JSON file in this folder")
    engine, day, settings = engine_of(hook, today, rules, site)
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
    engine, day, settings = engine_of(hook, today, rules, site)
    try:
        evaluation, _ = _evaluated(engine, file, hook, day, settings)
    except UnreadableFile as error:
        raise stop(f"{file}: {error}") from None
    try:
        found = explain_rules(evaluation, rule)
    except KeyError:
        raise stop(f"no rule '{rule}' answers {evaluation.chart.hook}") from None
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
        raise stop(f"{folder}: there is no such folder")
    engine, day, settings = engine_of(hook, today, rules, site)
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
    settings = settings_of(rules=rules)
    folder = to or settings.product_table
    if folder is None:
        raise stop("where should the table go? Set MGCDS_DATA_DIR to the folder that the service keeps its data in, "
                    "or name a folder with --to")  # fmt: skip
    drugs = library_of(settings, with_site=False).terminology.drugs
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


cli_store.register(app, settings=settings_of, library=library_of, stop=stop)


def main() -> None:
    """Entry point: an unexpected failure is one line and exit code 3, never a traceback with patient data."""
    try:
        app()
    except Exception as error:  # noqa: BLE001 - a traceback could print values of a chart
        err.print(f"mgcds: internal error ({type(error).__name__}); please report it", markup=False)
        sys.exit(INTERNAL)
