"""Whether a date lies in a span: a partial date counts as its earliest day for "within", its latest for "at least"."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

from mgcds.chart.facts import Use
from mgcds.clock import Moment
from mgcds.engine.answer import Answer
from mgcds.language.durations import Span

FROM_UNKNOWN = "it counts from a date that is not known"


def in_span(moment: Moment | None, span: Span, today: date, anchors: Mapping[str, Answer]) -> bool:
    """Whether `moment` lies in `span`; without a date, or without the anchor's date, it does not."""
    if moment is None:
        return False
    if span.anchor == "today":
        most, fewest = moment.most_days_before(today), moment.fewest_days_before(today)
    else:
        anchor = anchors.get(span.anchor)
        if anchor is None or anchor.on is None:
            return False
        if span.direction == "after":
            most, fewest = (moment.last - anchor.on.first).days, (moment.first - anchor.on.last).days
        else:
            most, fewest = (anchor.on.last - moment.first).days, (anchor.on.first - moment.last).days
    return fewest >= span.least and (span.most is None or most <= span.most)


def hangs_on_unknown(spans: Iterable[Span], anchors: Mapping[str, Answer]) -> bool:
    """Whether a span counts from an answer that is not known, so that nothing can be said about it."""
    return any(anchor is not None and not anchor.known for span in spans if (anchor := anchors.get(span.anchor)))


def merged_course(uses: tuple[Use, ...], gap: int, today: date) -> tuple[int, tuple[Use, ...]]:
    """Days of the unbroken course that reaches today, and its records. Courses merge over gaps up to `gap` days.

    Without a start a record adds nothing; an ended record without an end counts as one day.
    """
    placed = [(use.start.last, use) for use in uses if use.start is not None and not use.drafted]
    parts = [use for _, use in placed if use.active]
    if not parts:
        return 0, ()
    # An active course that began before an ended one still reaches back by itself, so `begin` starts at the earliest.
    begin = min(start for start, use in placed if use.active)
    over = [(use.end.last if use.end else start, start, use) for start, use in placed if not use.active]
    for end, start, use in sorted(over, key=lambda course: course[0], reverse=True):
        if (begin - end).days <= gap:
            begin = min(begin, start)
            parts.append(use)
    return max((today - begin).days, 0), tuple(sorted(parts, key=lambda use: use.reference))
