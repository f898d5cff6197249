"""A fault of ours in one question or one rule: it is said without patient data, and everything else goes on."""

from __future__ import annotations

import structlog

from mgcds.engine.answer import Answer, Failure

log = structlog.get_logger(__name__)


def failed_answer(key: str, error: Exception) -> Answer:
    """The answer to a question in which something of ours broke; whoever needs it ends as `error`.

    The message of the exception is left out: it may hold what stands in the chart.
    """
    log.error("question failed", question=key, kind=type(error).__name__)
    failure: Failure = "timeout" if isinstance(error, TimeoutError) else "exception"
    return Answer(key, known=False, failed=failure, why="it could not be answered, for a fault of ours")


def say_rule_failed(rule_id: str, error: Exception) -> None:
    """Logs that a rule could not be judged."""
    log.error("rule failed", rule=rule_id, kind=type(error).__name__)
