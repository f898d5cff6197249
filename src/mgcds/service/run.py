"""Starts the service; refuses to start with a bad library."""

from __future__ import annotations

import os

import uvicorn
from fastapi import FastAPI

from mgcds.language.load import load
from mgcds.service.app import create_app
from mgcds.service.logs import configure
from mgcds.settings import Settings, read_settings


def serve(settings: Settings, workers: int = 1) -> None:
    """Serves until it is told to stop, requests in flight finished. Raises SourceError where the rules are wrong."""
    configure(settings.log_level)
    app = create_app(load(settings.rules), settings)  # also the check before any worker is started
    options = {"host": settings.host, "port": settings.port, "access_log": False, "log_level": "warning"}
    if workers == 1:
        uvicorn.run(app, server_header=False, **options)  # type: ignore[arg-type]
        return
    # Worker processes make the application anew, from the same settings in their environment.
    os.environ.update({"MGCDS_HOST": settings.host, "MGCDS_PORT": str(settings.port), "MGCDS_RULES": str(settings.rules)})
    uvicorn.run("mgcds.service.run:worker", factory=True, workers=workers, server_header=False, **options)  # type: ignore[arg-type]


def worker() -> FastAPI:
    """The application of one worker process, from the environment."""
    settings = read_settings()
    configure(settings.log_level)
    return create_app(load(settings.rules), settings)
