"""Sends many requests, looks at each answer, and counts: failures of ours, hangs, echoes, and whatever else is wrong."""

from __future__ import annotations

import faulthandler
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.fuzz.mutations import CANARY, Sent

IS_LONG = bool(os.environ.get("MGCDS_LONG"))
REQUESTS = int(os.environ.get("MGCDS_FUZZ") or (100_000 if IS_LONG else 2_000))
SEED = int(os.environ.get("MGCDS_FUZZ_SEED", "20260615"))
HANG_SECONDS = 30
MOST_FAULTS = 20  # so many are collected before a run gives up
STATUSES = frozenset({200, 204, 400, 404, 405, 412, 413, 415})
FAILED, HUNG, ECHOED, OTHER = "5xx", "hangs", "echoes", "otherwise wrong"


@dataclass(frozen=True)
class Got:
    """An answer; status 0 where none came in time, and the connection broke."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str = ""


Send = Callable[[Sent], Got]


@dataclass
class Tally:
    """What a run comes to."""

    statuses: Counter[int] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    requests: int = 0
    slowest: float = 0.0
    seconds: float = 0.0

    def __str__(self) -> str:
        counted = ", ".join(f"{self.kinds[kind]} {kind}" for kind in (FAILED, HUNG, ECHOED, OTHER))
        return (
            f"{self.requests:,} requests, seed {SEED}: {counted}; by status {dict(sorted(self.statuses.items()))}; "
            f"slowest {self.slowest:.2f} s, {self.requests / max(self.seconds, 0.001):.0f} a second"
        )


def run(
    requests: Iterable[Sent],
    send: Send,
    *,
    say: Callable[[str], None],
    allowed: frozenset[int] = STATUSES,
    every: Callable[[], None] = lambda: None,
) -> Tally:
    """Sends them one after another. Ends early after too many faults. `every` is called after each 500, and at the end.

    A request that never comes back ends the process, with a traceback of where it hangs.
    """
    tally, began = Tally(), time.monotonic()
    for request in requests:
        faulthandler.dump_traceback_later(10 * HANG_SECONDS, exit=True, file=sys.__stderr__ or 2)  # pytest has replaced stderr
        started = time.monotonic()
        got = send(request)
        took = time.monotonic() - started
        tally.requests, tally.slowest, tally.seconds = tally.requests + 1, max(tally.slowest, took), time.monotonic() - began
        tally.statuses[got.status] += 1
        kind, fault = (HUNG, f"{took:.0f} s") if took > HANG_SECONDS else wrong(request, got, allowed)
        if fault:
            tally.kinds[kind] += 1
            tally.faults.append(
                f"request {tally.requests - 1} of seed {SEED}: {kind}: {fault}\n"
                f"{request.method} {request.path}\n{request.body[:20_000]!r}"
            )
            if len(tally.faults) >= MOST_FAULTS:
                break
        if tally.requests % 500 == 0:
            every()
        if IS_LONG and tally.requests % 1_000 == 0:
            say(str(tally))
    faulthandler.cancel_dump_traceback_later()
    every()
    say(str(tally))
    return tally


def wrong(request: Sent, got: Got, allowed: frozenset[int] = STATUSES) -> tuple[str, str]:
    """The kind of fault of an answer, and what it is ("" where nothing is wrong)."""
    if got.status >= 500:
        return FAILED, f"status {got.status}"
    if got.status not in allowed:
        return OTHER, f"status {got.status}"
    if CANARY in str(got.headers) or (got.status != 200 and CANARY in got.text):
        return ECHOED, "what was sent stands in the answer"
    if got.status in (200, 204) or request.method == "HEAD":
        is_answer = got.status == 200 and request.method == "POST" and "/feedback" not in request.path
        return OTHER, _wrong_cards(json.loads(got.text)) if is_answer else ""
    outcome = json.loads(got.text)
    return OTHER, "" if outcome["resourceType"] == "OperationOutcome" and outcome["issue"][0]["code"] else "no outcome"


def _wrong_cards(answer: dict[str, Any]) -> str:
    if "error" in {rule["state"] for rule in answer["extension"]["org.mgcds.evaluation"]["rules"].values()}:
        return "a rule ended as error"
    for card in answer["cards"]:
        if not 0 < len(card["summary"]) < 140 or card["indicator"] not in ("info", "warning", "critical"):
            return "a card that breaks the rules"
    return ""
