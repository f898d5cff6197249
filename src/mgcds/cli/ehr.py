"""Verbs for those who connect an EHR: what to type there, whether cards survive there, and requests fit to be shared."""

from __future__ import annotations

import json
import sys
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from mgcds.cards.dialect import DIALECTS, Profile, adapt, lost, profile
from mgcds.cli.console import (
    FOUND,
    HookOption,
    RulesOption,
    SiteOption,
    TodayOption,
    counted,
    day_of,
    engine_of,
    err,
    library_of,
    out,
    settings_of,
    stop,
)
from mgcds.engine.evaluate import Engine
from mgcds.redaction.kept import known_words
from mgcds.redaction.redact import redact as redacted
from mgcds.requestfile import UnreadableFile, chart_of_file, response_of, value_of
from mgcds.service.install_sheet import install_sheet as sheet_of

app = typer.Typer()
EhrOption = Annotated[str, typer.Option("--ehr", help=f"which EHR: {', '.join(DIALECTS)}")]


def _profile(ehr: str) -> Profile:
    if ehr not in DIALECTS:
        raise stop(f"--ehr: '{ehr}' is no EHR we know; choose one of {', '.join(DIALECTS)}")
    return profile(ehr)


@app.command()
def install_sheet(
    ehr: EhrOption,
    public_url: Annotated[str | None, typer.Option(help="address of this service for the EHR (MGCDS_PUBLIC_URL)")] = None,
    rules: RulesOption = None,
    site: SiteOption = None,
) -> None:
    """Print every value that a hospital must type to connect its EHR, as Markdown."""
    from mgcds.service.discovery import services_of

    to = _profile(ehr)
    settings = settings_of(rules=rules, site=site, public_url=public_url)
    engine = Engine(library_of(settings))
    address = settings.public_url or "https://cds.example.org"
    sys.stdout.write(sheet_of(engine.library, services_of(engine, settings), to, address))
    if not settings.public_url:
        err.print("mgcds: name the service's own address with --public-url; https://cds.example.org stands for it")


@app.command()
def lint_cards(
    path: Annotated[Path, typer.Argument(help="a request or a patient, or a folder of them")],
    ehr: EhrOption,
    hook: HookOption = "patient-view",
    today: TodayOption = None,
    rules: RulesOption = None,
    site: SiteOption = None,
) -> None:
    """Say which cards would lose their meaning in an EHR, or would never be asked for there."""
    to = _profile(ehr)
    engine, day, settings = engine_of(hook, today, rules, site)
    files = sorted(path.rglob("*.json")) if path.is_dir() else [path]
    cards = found = 0
    for file in files:
        try:
            terms = engine.library.terminology
            chart, call = chart_of_file(file, hook=hook, terminology=terms, today=day, zone=settings.zone)
        except UnreadableFile as error:
            err.print(f"{file}: {error}", markup=False)
            continue
        unasked = [] if to.fires(chart.hook) else [f"{to.title} never calls at {chart.hook}"]
        for card in adapt(response_of(engine.evaluate(chart), call, settings), to)["cards"]:
            cards += 1
            for reason in unasked + lost(card):
                found += 1
                out.print(f"{file}: {card['source']['topic']['code']}: {reason}", markup=False)
    out.print(f"{counted(cards, 'card')}, {counted(found, 'problem')} at {to.title}", markup=False)
    if found:
        raise typer.Exit(FOUND)


@app.command()
def redact(
    file: Annotated[Path, typer.Argument(help="a captured request, a Bundle or resources")],
    today: Annotated[str | None, typer.Option("--today", help="the day on which it was captured; default today")] = None,
    seed: Annotated[int, typer.Option(help="moves the dates; the same seed gives the same file")] = 0,
    rules: RulesOption = None,
) -> None:
    """Take identifiers out of a captured request, so that it can be shared. Look at the result before you share it."""
    settings = settings_of(rules=rules)
    day: date = day_of(today, settings)
    try:
        made = redacted(value_of(file), words=known_words(settings.rules), today=day, seed=seed)
    except UnreadableFile as error:
        raise stop(f"{file}: {error}") from None
    sys.stdout.write(json.dumps(made.value, indent=1, ensure_ascii=False) + "\n")
    err.print(f"mgcds: {counted(made.removed, 'value')} taken out; evaluate it with --today {made.today}", markup=False)
