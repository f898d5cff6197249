"""The verb that makes the site's own product table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import DownloadColumn, Progress

from mgcds.cli.console import WRONG_USE, RulesOption, err, library_of, out, settings_of, stop
from mgcds.drawing import draw_import
from mgcds.terminology.rxnorm import ReleaseError, import_release
from mgcds.terminology.rxnorm.files import release_files

app = typer.Typer()
table_app = typer.Typer(no_args_is_help=True, help="The site's own product table.")
app.add_typer(table_app, name="terminology")


@table_app.command("import")
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
