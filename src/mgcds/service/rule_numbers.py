"""What became of the cards of each rule, for Prometheus: read from the database, so that every worker tells the same."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from threading import Lock

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from mgcds.store.report import RuleNumbers

DAYS = 30  # of cards: old ones must not hide what is going on now, and counting them all would take ever longer
CARDS, REASONS = "mgcds_rule_cards", "mgcds_rule_override_reasons"
LABELS = {CARDS: ("rule", "outcome"), REASONS: ("rule", "reason")}
_ABOUT = {
    CARDS: f"Cards of the last {DAYS} days by what became of them; repeated: shown to a patient who had been shown the rule",
    REASONS: f"Cards of the last {DAYS} days that were overridden, by reason",
}
_OUTCOMES = ("shown", "accepted", "overridden", "ignored", "waiting")
_SHARE = 100  # counting takes one part in so many of the time, however often a scraper asks
_AFTER_FAILURE = 5  # times as long as the failure took


class RuleGauges(Collector):
    """The numbers of every rule as gauges: they go down when cards grow old."""

    def __init__(self, count: Callable[[], Sequence[RuleNumbers] | None], clock: Callable[[], float] = time.monotonic) -> None:
        """`count` asks the database, None: it did not answer. `clock` counts seconds that only grow."""
        self._count = count
        self._clock = clock
        self._counted: Sequence[RuleNumbers] = ()
        self._again_at = 0.0
        self._counting = Lock()
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def text(self) -> bytes:
        """All gauges in Prometheus' text format. Blocks."""
        return generate_latest(self._registry)

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """The gauges without numbers: asking what there is must not ask the database."""
        return (GaugeMetricFamily(name, about, labels=LABELS[name]) for name, about in _ABOUT.items())

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The gauges, as of a moment ago where counting takes long."""
        cards, reasons = self.describe()
        for each in self._lately():
            for outcome in _OUTCOMES:
                cards.add_metric((each.rule, outcome), getattr(each, outcome))
            cards.add_metric((each.rule, "repeated"), each.repeats)
            for reason, number in each.reasons.items():
                reasons.add_metric((each.rule, reason), number)
        yield cards
        yield reasons

    def _lately(self) -> Sequence[RuleNumbers]:
        """The numbers of a moment ago, where they are being counted, were counted lately, or cannot be."""
        if self._clock() >= self._again_at and self._counting.acquire(blocking=False):
            try:
                started = self._clock()
                counted = self._count()
                took = self._clock() - started
                self._again_at = started + took + took * (_AFTER_FAILURE if counted is None else _SHARE)
                self._counted = self._counted if counted is None else counted
            finally:
                self._counting.release()
        return self._counted
