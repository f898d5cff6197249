"""Verbs that evaluate the charts of files: evaluate, explain, survey."""

from __future__ import annotations

import json
import sys
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress

from mgcds.cli.console import (
    WRONG_USE,
    HookOption,
    JsonOption,
    RulesOption,
    SiteOption,
    TodayOption,
    engine_of,
    err,
    out,
    stop,
)
from mgcds.drawing import draw_explanations
from mgcds.engine.evaluate import Engine, Evaluation
from mgcds.engine.explain import explain as explain_rules
from mgcds.evaluator import Evaluator
from mgcds.requestfile import UnreadableFile, chart_of_file
from mgcds.settings import Settings
from mgcds.survey import as_json as survey_json
from mgcds.survey import as_markdown as survey_markdown
from mgcds.survey import files_below
from mgcds.survey import survey as take_survey

app = typer.Typer()


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
