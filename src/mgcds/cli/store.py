"""Verbs of the command line that work on what the service has stored: report, records, replay, erase."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import date, datetime, time, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Annotated

import typer

from mgcds.cli.console import FOUND, JsonOption, RulesOption, SiteOption, err, library_of, out, settings_of, stop
from mgcds.drawing_numbers import draw_evaluated, draw_numbers, numbers_json
from mgcds.engine.evaluate import Engine
from mgcds.replay import ReplayError, read_record, replay
from mgcds.service.caller import ANYBODY, Caller
from mgcds.settings import Settings
from mgcds.store import StoreError, site_key
from mgcds.store.database import Database, existing_database
from mgcds.store.erasure import erase, other_keys, rows_about
from mgcds.store.pseudonym import pseudonym
from mgcds.store.records import exported, records
from mgcds.store.report import IGNORED_AFTER_DAYS, evaluated, numbers

Since = Annotated[str | None, typer.Option("--since", help="the first day that counts, YYYY-MM-DD; default all that is kept")]

app = typer.Typer()
records_app = typer.Typer(no_args_is_help=True, help="Records of what was decided.")
app.add_typer(records_app, name="records")


@app.command()
def report(
    since: Since = None,
    ignored_after: Annotated[
        int, typer.Option("--ignored-after", min=0, help="days without feedback after which a card counts as ignored")
    ] = IGNORED_AFTER_DAYS,
    states: Annotated[bool, typer.Option("--states", help="also how each rule ended, from the decision records")] = False,
    as_json: JsonOption = False,
) -> None:
    """Count per rule what became of its cards: accepted, overridden and why, ignored, shown again."""
    chosen = settings_of()
    start = _midnight(since, chosen)
    with _open(chosen) as database:
        found = numbers(database, now=chosen.now(), since=start, ignored_after=ignored_after)
        ends = evaluated(database, since=start) if states else None
    if as_json:
        sys.stdout.write(json.dumps(numbers_json(found, ends), indent=2) + "\n")
        return
    draw_numbers(out, found, ignored_after)
    if ends is not None:
        draw_evaluated(out, ends)


@records_app.command("export")
def export(
    since: Since = None,
    until: Annotated[str | None, typer.Option("--until", help="the last day that counts, YYYY-MM-DD")] = None,
    request: Annotated[Path | None, typer.Option("--request", help="only records of this stored request")] = None,
) -> None:
    """Print decision records, one line of JSON each, oldest first."""
    chosen = settings_of()
    body = None if request is None else _read(request)
    last = _midnight(until, chosen)
    with _open(chosen) as database:
        for record_id, decision in records(
            database,
            since=_midnight(since, chosen),
            until=None if last is None else last + timedelta(days=1),
            request=None if body is None else sha256(body).hexdigest(),
        ):
            sys.stdout.write(json.dumps(exported(record_id, decision)) + "\n")


@app.command("replay")
def replay_command(
    record: Annotated[Path, typer.Argument(help="a record as `mgcds records export` prints it")],
    request: Annotated[Path | None, typer.Option("--request", help="the stored request that was answered")] = None,
    rules: RulesOption = None,
    site: SiteOption = None,
) -> None:
    """Evaluate a recorded request again, and say whether the findings are the same byte for byte."""
    chosen = settings_of(rules=rules, site=site)
    if request is None:
        raise stop("a record alone cannot be evaluated, for it holds no chart; name the stored request with --request")
    body = _read(request)
    try:
        recorded = read_record(_read(record).decode("utf-8", "replace"), body)
        key = None
        with suppress(StoreError):  # without the key all else can be compared
            key = _key(chosen)
        found = replay(recorded, body, Engine(library_of(chosen)), key)
    except ReplayError as error:
        raise stop(str(error)) from None
    for line in found.warnings:
        err.print(f"mgcds: {line}", markup=False)
    for line in found.differences:
        out.print(line, markup=False)
    if found.differences:
        raise typer.Exit(FOUND)
    out.print(f"The same: {found.findings} findings, byte for byte.", markup=False)


@app.command("erase")
def erase_command(
    patient: Annotated[str, typer.Option("--patient", help="the patient's id, as the EHR sends it in context.patientId")],
    issuer: Annotated[str, typer.Option("--issuer", help="the issuer of the EHR's tokens")] = ANYBODY.issuer,
    tenant: Annotated[str, typer.Option("--tenant", help="the tenant of the EHR's tokens, where they name one")] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="delete nothing; print the patient's pseudonym and what would go")
    ] = False,
) -> None:
    """Delete everything that the database holds about one patient. The audit file stays as it is."""
    chosen = settings_of()
    scope = Caller(issuer, tenant=tenant).scope
    with _open(chosen) as database:
        key = _key(chosen)
        others = other_keys(database, key)
        if dry_run:
            out.print(f"pseudonym {pseudonym(key, scope, patient)}", markup=False)
            out.print(_counted(rows_about(database, key, issuer=scope, patient_id=patient), "would be erased"), markup=False)
        else:
            done = erase(database, key, issuer=scope, patient_id=patient)
            out.print(_counted(done.rows, "erased"), markup=False)
            if not done.overwritten:
                err.print("mgcds: the rows are gone, but their bytes may stand in the database's files until they are "
                          "overwritten", markup=False)  # fmt: skip
    if others:
        err.print(f"mgcds: {others} other keys were in use before; what was stored under them is not found", markup=False)


def _counted(rows: Mapping[str, int], what: str) -> str:
    parts = ", ".join(f"{number} of {table}" for table, number in rows.items() if number)
    return f"{sum(rows.values())} rows {what}{f': {parts}' if parts else ''}"


@contextmanager
def _open(settings: Settings) -> Iterator[Database]:
    """The database of a service; whatever fails in it ends the command with one line."""
    url = settings.database_url.get_secret_value() if settings.database_url else None
    try:
        database = existing_database(settings.data_dir, url)
        try:
            yield database
        finally:
            database.dispose()
    except StoreError as error:
        raise stop(str(error)) from None


def _key(settings: Settings) -> bytes:
    given = settings.pseudonym_key.get_secret_value() if settings.pseudonym_key else None
    return site_key(given, settings.data_dir, make=False)


def _midnight(day: str | None, settings: Settings) -> datetime | None:
    """When a day begins in the site's zone."""
    if day is None:
        return None
    try:
        return datetime.combine(date.fromisoformat(day), time.min, settings.zone)
    except ValueError:
        raise stop(f"'{day}' is not a day; write it like 2026-01-31") from None


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise stop(f"{file} cannot be read ({error.strerror})") from None
