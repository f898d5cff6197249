"""What is noted of one request while it is answered: for its log line, the metrics and the trace, never of whom."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from mgcds.service import tracing


@dataclass(slots=True)
class Exchange:
    """One request. `endpoint` and `service` are names of ours, never a caller's text."""

    endpoint: str = "other"
    service: str = ""
    issuer: str = ""  # of a verified token
    whom: tuple[str, str] = ("", "")  # pseudonyms of user and patient, for the audit file alone
    stripped: bool = False  # an EHR that does not know our address fires its hook without any data
    answer: Mapping[str, Any] | None = None  # what was answered, if an evaluation was
    steps: dict[str, float] = field(default_factory=dict)  # seconds by step
    outcomes: tuple[str, ...] = ()  # of feedback: accepted or overridden
    unknown: int = 0  # feedback on cards that we do not know
    store_failures: int = 0
    failed_questions: tuple[str, ...] = ()  # of the library, that could not be answered for a fault of ours

    def states(self) -> dict[str, str]:
        """The end state of every rule; nothing where nothing was evaluated."""
        rules = self.answer["extension"]["org.mgcds.evaluation"]["rules"] if self.answer else {}
        return {rule: ended["state"] for rule, ended in rules.items()}


_current: ContextVar[Exchange | None] = ContextVar("mgcds_exchange", default=None)


def current() -> Exchange:
    """The exchange that is going on; outside of one, a sheet that nobody reads."""
    return _current.get() or Exchange()


@contextmanager
def exchanging(exchange: Exchange) -> Iterator[None]:
    """Makes an exchange the current one; threads that are started meanwhile write on the same sheet."""
    token = _current.set(exchange)
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def step(name: str) -> Iterator[None]:
    """Times one step of the answer and makes it a span of the trace."""
    started = time.perf_counter()
    with tracing.child(name):
        try:
            yield
        finally:
            current().steps[name] = time.perf_counter() - started
