"""Structured logs on stderr: what happened, never to whom."""

from __future__ import annotations

import contextlib
import json
import logging
import sys
from datetime import UTC, datetime

import structlog


class _Lines(logging.Formatter):
    """Lines of the web server as JSON. Of an exception only its type: its text and its frames may hold a patient."""

    def format(self, record: logging.LogRecord) -> str:
        line = {"event": str(record.msg).strip(), "level": record.levelname.lower(), "logger": record.name}
        if record.exc_info and record.exc_info[0]:
            line["kind"] = record.exc_info[0].__name__
        return json.dumps(line | {"timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z")})


class _Handler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        _write(self.format(record))


class _Logger:
    """What structlog writes to."""

    def msg(self, line: str) -> None:
        _write(line)

    debug = info = warning = error = critical = msg


def _write(line: str) -> None:
    """A full disk or a closed pipe costs the line, never the answer to a clinician.

    One write: in two, the lines of two workers run into each other.
    """
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()


def configure(level: str) -> None:
    """JSON lines on stderr, our own and those of every library."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=lambda *_: _Logger(),
        cache_logger_on_first_use=False,
    )
    handler = _Handler()
    handler.setFormatter(_Lines())
    logging.basicConfig(handlers=[handler], level=max(logging.WARNING, logging.getLevelName(level)), force=True)
