"""Starts the service; refuses to start with a bad library."""

from __future__ import annotations

import uvicorn

from mgcds.language.load import load
from mgcds.service.app import create_app
from mgcds.service.logs import configure
from mgcds.settings import Settings


def serve(settings: Settings) -> None:
    """Serves until it is told to stop. Raises SourceError where the rules are wrong."""
    configure(settings.log_level)
    app = create_app(load(settings.rules), settings)
    uvicorn.run(app, host=settings.host, port=settings.port, access_log=False, log_level="warning", server_header=False)
