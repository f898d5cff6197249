"""Starts the service: checks everything once, then hands over to the supervisor. Refuses to start with a bad library."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import structlog
import uvicorn

from mgcds.engine.evaluate import Engine
from mgcds.garbage import for_good
from mgcds.language.library import Library
from mgcds.service import metrics, tracing
from mgcds.service.library_test import Tested
from mgcds.service.logs import configure
from mgcds.service.operations import Lasting
from mgcds.service.supervisor import Supervisor
from mgcds.service.worker import application, from_disk, options
from mgcds.settings import Settings, SettingsError

log = structlog.get_logger(__name__)


def serve(settings: Settings, workers: int, test: Callable[[Settings], Tested]) -> bool:
    """Serves until it is told to stop; False where a worker could not start.

    `test`: judges the library on the disk when a reload is asked for. Raises SourceError, StoreError or SettingsError before
    any worker is started.
    """
    if workers > 1 and not is_shared(settings):
        raise SettingsError(
            "several workers must share what was shown and overridden: set MGCDS_DATA_DIR or MGCDS_DATABASE_URL, or --workers 1"
        )
    try:
        tracing.check()
    except tracing.TracingError as error:
        raise SettingsError(str(error)) from None
    configure(settings.log_level)
    with for_good():
        engine = Engine(from_disk(settings))
        _try_out(settings, engine)
    _tell(settings, engine.library, workers)
    with tempfile.TemporaryDirectory(prefix="mgcds-") as folder:
        metrics.share(Path(folder))
        listening = uvicorn.Config("", **options(settings)).bind_socket()
        with listening:
            return Supervisor(settings, engine, workers=workers, listening=listening, folder=Path(folder), test=test).run()


def is_shared(settings: Settings) -> bool:
    """Whether several processes would remember the same."""
    return settings.keeps_data


def _try_out(settings: Settings, engine: Engine) -> None:
    """Makes one application and lets go of it, so that what is wrong is said once and before anything is forked.

    What the engine compiled for it is kept, and shared by the workers.
    """
    lasting = Lasting()
    application(settings, engine, lasting)
    if lasting.memory is not None:
        lasting.memory.close()


def _tell(settings: Settings, library: Library, workers: int) -> None:
    warn_of_callers(settings, workers)
    if not is_shared(settings):
        log.warning("overrides are remembered until this process ends; set MGCDS_DATA_DIR to keep them")
    products = library.terminology.site
    log.info(
        "starting",
        host=settings.host,
        port=settings.port,
        workers=workers,
        library=library.hash,
        rules=len(library.rules),
        site=library.site.name if library.site else "",
        product_table=None if products is None else products.release or "no day told",
    )


def warn_of_callers(settings: Settings, workers: int) -> None:
    """Says loudly who is let in that should perhaps not be."""
    if not settings.authenticates:
        where = "and the address is loopback" if settings.is_loopback else "and the address is not loopback"
        log.warning(f"ANY CALLER IS ANSWERED: authentication is off {where}", host=settings.host)
        if settings.is_plain_http:
            log.warning("PATIENT DATA TRAVEL IN THE CLEAR: MGCDS_PUBLIC_URL is not https")
        return
    if not settings.public_url.startswith("https://"):
        log.warning("TOKENS AND PATIENT DATA TRAVEL IN THE CLEAR: MGCDS_PUBLIC_URL is not https")
    if not settings.keeps_data:
        log.warning("USED TOKENS ARE FORGOTTEN when this process ends, and told to no other worker; set MGCDS_DATA_DIR",
                    workers=workers)  # fmt: skip
