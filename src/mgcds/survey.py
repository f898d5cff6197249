"""Runs the rules over a folder of patients and counts: cards by rule and source, medicines that were not understood.

Counts only: nothing in a survey says anything about one patient.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from datetime import date, tzinfo
from pathlib import Path
from typing import Any

from mgcds.chart.facts import Chart
from mgcds.cores import on_every_core
from mgcds.engine.evaluate import Engine
from mgcds.requestfile import UnreadableFile, chart_of, patients_in

SUFFIXES = (".json", ".json.gz", ".ndjson", ".ndjson.gz")
LATEST = date(2200, 1, 1)  # later than any record: read as of then, nothing in it lies in the future


@dataclass(slots=True)
class Source:
    """What the patients of one folder gave. A patient is a file that names one."""

    files: int = 0
    patients: int = 0
    with_card: int = 0
    medicines: int = 0
    findings: Counter[str] = field(default_factory=Counter)  # by rule
    states: Counter[str] = field(default_factory=Counter)  # end states of rules, over all patients
    notes: Counter[str] = field(default_factory=Counter)  # by code
    refused: Counter[str] = field(default_factory=Counter)  # by reason

    def add(self, other: Source) -> None:
        """Counts in what another has."""
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))

    @property
    def unresolved(self) -> int:
        """Medication records that were not understood."""
        return self.notes["medication-unresolved"]


def files_below(folder: Path) -> list[Path]:
    """Every file that may hold FHIR data, in order of path."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name.endswith(SUFFIXES))


def survey(
    folder: Path, engine: Engine, *, hook: str, today: date | None, zone: tzinfo, tick: Callable[[], None] = lambda: None
) -> dict[str, Source]:
    """Counts by source, the first folder below `folder`. `today` None: the day of each patient's newest record."""
    sources: dict[str, Source] = {}
    paths = files_below(folder)
    with on_every_core(lambda path: _counted(path, engine, hook, today, zone), paths) as counts:
        for path, counted in zip(paths, counts, strict=True):
            inside = path.relative_to(folder).parts
            sources.setdefault(inside[0] if len(inside) > 1 else ".", Source()).add(counted)
            tick()
    return sources


def _counted(path: Path, engine: Engine, hook: str, today: date | None, zone: tzinfo) -> Source:
    """What one file gives."""
    source = Source(files=1)
    try:
        for value in patients_in(path):
            _count(source, value, engine, hook, today, zone)
    except UnreadableFile as error:
        source.refused[str(error)] += 1
    return source


def _count(source: Source, value: Any, engine: Engine, hook: str, today: date | None, zone: tzinfo) -> None:
    terms = engine.library.terminology
    if today is None:
        whole, _ = chart_of(value, hook=hook, terminology=terms, today=LATEST, zone=zone)
        today = newest_day(whole)
    chart, _ = chart_of(value, hook=hook, terminology=terms, today=today, zone=zone)
    if not chart.person.reference:
        source.refused["no patient in it"] += 1
        return
    evaluation = engine.evaluate(chart)
    source.patients += 1
    source.with_card += bool(evaluation.findings)
    source.medicines += len(chart.uses)
    source.findings.update(finding.rule.id for finding in evaluation.findings)
    source.states.update(outcome.state for outcome in evaluation.outcomes.values())
    source.notes.update(note.code for note in chart.notes)


def newest_day(chart: Chart) -> date:
    """The latest day on which something in a chart happened, so that look-backs have something to look back on."""
    moments = [result.taken for result in chart.results]
    moments += [moment for use in chart.uses for moment in (use.start, use.end, use.recorded) if moment]
    moments += [problem.onset for problem in chart.problems if problem.onset]
    return max((moment.last for moment in moments if moment.last < LATEST), default=LATEST)


def rows(sources: dict[str, Source]) -> Iterator[tuple[str, list[str]]]:
    """The table: (what, a cell a source), rules that fired first, as findings per 100 patients."""
    every = list(sources.values())
    for rule in sorted({rule for source in every for rule in source.findings}):
        yield rule, [_per_hundred(source.findings[rule], source.patients) for source in every]
    yield "patients with a card, %", [_per_hundred(source.with_card, source.patients) for source in every]
    yield "patients", [str(source.patients) for source in every]
    yield "files", [str(source.files) for source in every]
    yield "files without a patient, or refused", [str(sum(source.refused.values())) for source in every]
    yield "medication records", [str(source.medicines) for source in every]
    yield "not understood, %", [_per_hundred(source.unresolved, source.medicines) for source in every]
    yield "rules that ended as error", [str(source.states["error"]) for source in every]


def _per_hundred(count: int, of: int) -> str:
    return f"{100 * count / of:.1f}" if of else "-"


def as_markdown(sources: dict[str, Source]) -> str:
    """The table as Markdown, a column a source."""
    lines = [f"| | {' | '.join(sources)} |", f"|---|{'---:|' * len(sources)}"]
    lines += [f"| {what} | {' | '.join(cells)} |" for what, cells in rows(sources)]
    return "\n".join([*lines, ""])


def as_json(sources: dict[str, Source]) -> dict[str, Any]:
    """The counts, by source."""
    return {
        name: {
            "files": source.files, "patients": source.patients, "with_card": source.with_card, "medicines": source.medicines,
            "findings": dict(sorted(source.findings.items())), "states": dict(sorted(source.states.items())),
            "notes": dict(sorted(source.notes.items())), "refused": dict(sorted(source.refused.items())),
        }
        for name, source in sources.items()
    }  # fmt: skip
