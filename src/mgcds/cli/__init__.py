"""The command line: serve, evaluate, explain, check, test and more. Results on stdout, messages on stderr."""

from __future__ import annotations

import sys

import typer

from mgcds.cli import ehr, patients, rules, service, store, terminology
from mgcds.cli.console import INTERNAL, err
from mgcds.service.logs import configure

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=(__doc__ or "").strip())
for part in (service, patients, rules, store, ehr):
    app.add_typer(part.app)
app.add_typer(terminology.app, name="terminology")
app.add_typer(store.records_app, name="records")


def main() -> None:
    """Entry point: an unexpected failure is one line and exit code 3, never a traceback with patient data."""
    configure("WARNING")  # on stderr: a line of the log between results would spoil them for the program that reads them
    try:
        app()
    except Exception as error:  # noqa: BLE001 - a traceback could print values of a chart
        err.print(f"mgcds: internal error ({type(error).__name__}); please report it", markup=False)
        sys.exit(INTERNAL)
