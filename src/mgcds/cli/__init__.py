"""The command line: serve, evaluate, explain, check, test and more. Results on stdout, messages on stderr."""

from __future__ import annotations

import sys

import typer

from mgcds.cli.verbs import Verbs
from mgcds.garbage import for_good

app = typer.Typer(cls=Verbs, add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback(help=(__doc__ or "").strip())
def every_verb() -> None:
    """What is done before each verb: nothing. Typer asks for it where an app has no verbs of its own."""


def main() -> None:
    """Entry point: an unexpected failure is one line and exit code 3, never a traceback with patient data."""
    with for_good():
        from mgcds.cli.console import INTERNAL, err
        from mgcds.service.logs import configure
    configure("WARNING")  # on stderr: a line of the log between results would spoil them for the program that reads them
    try:
        app()
    except Exception as error:  # noqa: BLE001 - a traceback could print values of a chart
        err.print(f"mgcds: internal error ({type(error).__name__}); please report it", markup=False)
        sys.exit(INTERNAL)
