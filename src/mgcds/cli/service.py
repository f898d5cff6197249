"""The verb that runs the service."""

from __future__ import annotations

from typing import Annotated

import typer

from mgcds.cli.console import (
    FOUND,
    INTERNAL,
    RulesOption,
    SiteOption,
    bad_site,
    counted,
    err,
    print_problems,
    settings_of,
    stop,
)
from mgcds.garbage import for_good
from mgcds.language.site import SiteError
from mgcds.settings import SettingsError
from mgcds.source import SourceError
from mgcds.store import StoreError

app = typer.Typer()


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="address to bind (MGCDS_HOST)")] = None,
    port: Annotated[int | None, typer.Option(help="port (MGCDS_PORT)")] = None,
    rules: RulesOption = None,
    site: SiteOption = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="processes; one a core is a good number")] = 1,
) -> None:
    """Run the CDS Hooks service."""
    with for_good():
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
