"""Counts for Prometheus. Labels are names of ours (services, rules, states), so that no caller can add one."""

from __future__ import annotations

import os
from collections import Counter as Tally
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, values
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from mgcds.service.condition import Condition
from mgcds.service.exchange import Exchange

CONTENT_TYPE = CONTENT_TYPE_LATEST
FOLDER = "PROMETHEUS_MULTIPROC_DIR"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 5.0, 10.0)


def share(folder: Path) -> None:
    """From now on this process and those it forks count in files of a folder, which any of them adds up when it is asked.

    Call it before the first Metrics is made.
    """
    os.environ[FOLDER] = str(folder)
    values.ValueClass = values.get_value_class()  # type: ignore[no-untyped-call]  # prometheus-client chose when it was imported, before the folder was known


def stand_alone() -> None:
    """From now on this process counts for itself: what it does is no service to anybody."""
    os.environ.pop(FOLDER, None)
    values.ValueClass = values.MutexValue


def forget(process: int) -> None:
    """Takes the gauges of a process that has ended out of the sums; what it counted stays."""
    mark_process_dead(process)  # type: ignore[no-untyped-call]


class Metrics:
    """What one process counts; `text` is the sum over all processes that share a folder."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._children: dict[tuple[object, ...], Any] = {}
        self._library: tuple[str, str] | None = None
        self._dropped = 0
        self._ends: Tally[tuple[tuple[str, ...], tuple[str, ...]]] = Tally()  # rules and their end states, not counted yet

        def counter(name: str, about: str, *labels: str) -> Counter:
            return Counter(f"mgcds_{name}", about, labels, registry=registry)

        def gauge(name: str, about: str, mode: Any, *labels: str) -> Gauge:
            return Gauge(f"mgcds_{name}", about, labels, registry=registry, multiprocess_mode=mode)

        def histogram(name: str, about: str, label: str) -> Histogram:
            return Histogram(f"mgcds_{name}", about, (label,), registry=registry, buckets=_SECONDS)

        self.requests = counter("requests", "Requests answered", "endpoint", "service", "status")
        self.request_seconds = histogram("request_seconds", "Time to answer a request", "endpoint")
        self.step_seconds = histogram("step_seconds", "Time of a step of an evaluation", "step")
        self.cards = counter("cards", "Cards sent", "service", "indicator")
        self.outcomes = counter("rule_outcomes", "End states of rules", "rule", "state")
        self.errors = counter("rule_errors", "Rules that could not be decided for a fault of ours", "rule", "reason")
        self.questions = counter("question_failures", "Questions of rules that broke in our code", "question")
        self.notes = counter("notes", "What could not be used of the data, like medication-unresolved", "code")
        self.stripped = counter("stripped_requests", "Calls with neither prefetch nor access to a FHIR server", "service")
        self.feedback = counter("feedback_events", "Feedback on cards", "outcome")
        self.unknown = counter("feedback_unknown_cards", "Feedback on cards that we do not know")
        self.store_failures = counter("store_failures", "Reads and writes of the database that failed")
        self.refusals = counter("caller_refusals", "Callers that were not let in; nothing tells who they were", "cause")
        self.records_dropped = counter("records_dropped", "Decisions that were not recorded")
        self.audit_failures = counter("audit_failures", "Audit events that could not be written")
        self.reloads = counter("reloads", "Libraries that a worker was told to load", "result")
        self.restarts = counter("worker_restarts", "Workers that ended without being told to")
        self.workers = gauge("workers", "Workers that answer", "livesum")
        self.library = gauge("library_info", "Workers that answer with this library", "livesum", "library", "version")
        self.degraded = gauge("degraded", "1 where a new library was refused and the old one answers", "livemax")
        self.database_away = gauge("database_away", "1 where the database has not been opened since the start", "livemax")
        self.stopping = gauge("stopping", "Workers that finish what is in flight", "livesum")
        self.resident = gauge("resident_bytes", "Memory of a worker", "liveall")

    def text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        if FOLDER not in os.environ:
            return generate_latest(self._registry)
        summed = CollectorRegistry()
        MultiProcessCollector(summed)  # type: ignore[no-untyped-call]
        return generate_latest(summed)

    def answered(self, exchange: Exchange, status: int, seconds: float) -> None:
        """One request has been answered."""
        service = exchange.service
        self._of(self.requests, exchange.endpoint, service, str(status)).inc()
        self._of(self.request_seconds, exchange.endpoint).observe(seconds)
        for name, took in exchange.steps.items():
            self._of(self.step_seconds, name).observe(took)
        if exchange.stripped:
            self._of(self.stripped, service).inc()
        if exchange.store_failures:
            self.store_failures.inc(exchange.store_failures)
        for outcome in exchange.outcomes:
            self._of(self.feedback, outcome).inc()
        if exchange.unknown:
            self.unknown.inc(exchange.unknown)
        for question in exchange.failed_questions:
            self._of(self.questions, question).inc()
        if exchange.answer is not None:
            self._evaluated(exchange, exchange.answer)

    def _evaluated(self, exchange: Exchange, answer: Any) -> None:
        evaluation = answer["extension"]["org.mgcds.evaluation"]
        rules = evaluation["rules"]
        states = tuple([ended["state"] for ended in rules.values()])
        self._ends[tuple(rules), states] += 1
        if "error" in states:
            for rule, ended in rules.items():
                if ended["state"] == "error":
                    self._of(self.errors, rule, ended.get("reason", "")).inc()
        for code, many in Tally(note["code"] for note in evaluation.get("notes", ())).items():
            self._of(self.notes, code).inc(many)
        for card in answer["cards"]:
            self._of(self.cards, exchange.service, card["indicator"]).inc()

    def serves(self, library: str, version: str) -> None:
        """This process answers with a library from now on."""
        if self._library is not None:
            self._of(self.library, *self._library).set(0)
        self._library = (library, version)
        self._of(self.library, library, version).set(1)

    def refused(self, cause: str) -> None:
        """A caller was not let in. `cause`: one of our words."""
        self._of(self.refusals, cause).inc()

    def dropped_so_far(self, records: int) -> None:
        """How many records this process has dropped since its start."""
        self.records_dropped.inc(max(0, records - self._dropped))
        self._dropped = max(records, self._dropped)

    def count_ends(self) -> None:
        """Counts the end states of rules since the last time.

        There is one for each rule of the hook, and most patients share them: kept together until somebody looks, a request
        costs 0.02 ms here instead of 0.15. Not for threads.
        """
        ends, self._ends = self._ends, Tally()
        for (rules, states), times in ends.items():
            for rule, state in zip(rules, states, strict=True):
                self._of(self.outcomes, rule, state).inc(times)

    def is_in(self, condition: Condition) -> None:
        """How this process is."""
        self.count_ends()
        self.workers.set(1)
        self.degraded.set(condition.degraded)
        self.database_away.set(condition.database_away)
        self.stopping.set(condition.stopping)
        self.resident.set(resident_bytes())

    def _of(self, metric: Any, *labels: str) -> Any:
        """The child with these labels. Finding it anew costs more than counting, and a call counts each rule."""
        key = (id(metric), *labels)
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = metric.labels(*labels)
        return child


def resident_bytes() -> int:
    """Memory that this process holds now; 0 where the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0
