"""Starts the service, in one process or several; refuses to start with a bad library."""

from __future__ import annotations

import gc
import os
from typing import Any

import structlog
import uvicorn
from fastapi import FastAPI

from mgcds.garbage import uncollected
from mgcds.language.load import load
from mgcds.service.app import create_app
from mgcds.service.logs import configure
from mgcds.settings import Settings, read_settings

log = structlog.get_logger(__name__)


def serve(settings: Settings, workers: int = 1) -> None:
    """Serves until it is told to stop. Raises SourceError or StoreError, before any worker is started."""
    app = _application(settings)
    if not settings.is_loopback:  # settings allow this only with authentication switched off
        log.warning("ANY CALLER IS ANSWERED: authentication is off and the address is not loopback", host=settings.host)
    if settings.data_dir is None:
        log.warning(
            "overrides are remembered until this process ends; set MGCDS_DATA_DIR to keep them"
            if workers == 1
            else "each worker remembers only the overrides it was told of; set MGCDS_DATA_DIR to share and keep them"
        )
    library = app.state.library
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
    options: dict[str, Any] = {
        "host": settings.host,
        "port": settings.port,
        "loop": "uvloop",
        "access_log": False,
        "log_config": None,
        "server_header": False,
        "proxy_headers": False,
        "timeout_graceful_shutdown": 10,
        # A worker that is still importing answers no health check; after the default of 5 s it would be killed, for ever.
        "timeout_worker_healthcheck": 60,
    }
    if workers == 1:
        uvicorn.run(app, **options)
        return
    # Worker processes read their settings from the environment, so what the command line gave must stand there too.
    os.environ |= {"MGCDS_HOST": settings.host, "MGCDS_PORT": str(settings.port), "MGCDS_RULES": str(settings.rules)}
    os.environ["MGCDS_SITE"] = str(settings.site or "")
    uvicorn.run("mgcds.service.run:worker", factory=True, workers=workers, **options)


def worker() -> FastAPI:
    """The application of one worker process."""
    return _application(read_settings())


def _application(settings: Settings) -> FastAPI:
    configure(settings.log_level)
    with uncollected():  # nothing that is made here is garbage: a fifth of the start
        app = create_app(load(settings.rules, products=settings.product_table, site=settings.site), settings)
    gc.collect()
    gc.freeze()  # the library lives as long as the process; collections need not walk it again
    return app
