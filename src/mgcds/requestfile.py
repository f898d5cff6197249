"""Reads a file as a CDS Hooks request, a Bundle or bare resources, and answers it as the service would."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, tzinfo
from pathlib import Path
from typing import Any

import orjson

from mgcds.cards import respond
from mgcds.characters import with_marks
from mgcds.chart.facts import Chart
from mgcds.chart.intake import WrongPatient, read_chart, read_resources
from mgcds.engine.evaluate import Evaluation
from mgcds.language.rule import HOOKS
from mgcds.settings import Settings
from mgcds.terminology import Terminology

MOST_BYTES = 200_000_000


class UnreadableFile(Exception):
    """The file is not what it should be; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one process takes at a time: a file, or a line of an NDJSON file whose every line is a patient."""

    file: Path
    line: int | None = None  # counted from 0, without empty ones
    start: int = 0  # of the line, in bytes
    end: int = 0

    def patients(self) -> list[Any]:
        """What it holds of each patient. Raises UnreadableFile."""
        if self.line is None:
            return patients_in(self.file)
        with _told(), self.file.open("rb") as lines:
            lines.seek(self.start)
            return [_value(lines.read(self.end - self.start))]


def chart_of_file(
    file: Path, *, hook: str, terminology: Terminology, today: date, zone: tzinfo
) -> tuple[Chart, dict[str, Any]]:
    """The chart of a file, and the request it holds ({} where it holds bare data). Raises UnreadableFile."""
    return chart_of(value_of(file), hook=hook, terminology=terminology, today=today, zone=zone)


def patients_in(file: Path) -> list[Any]:
    """What a file holds of each patient: one, or as many as an NDJSON file has lines that are requests or Bundles.

    Raises UnreadableFile.
    """
    value = value_of(file)
    if ".ndjson" in file.name and isinstance(value, list) and value and all(_is_whole(each) for each in value):
        return value
    return [value]


def parts_of(file: Path) -> list[Part]:
    """The lines of a file of patients, so that every core has some; otherwise the file. Lines are read to see what they are.

    What is packed is not divided: each process would have to unpack all of it. What cannot be read is not either: who reads
    the whole says why.
    """
    whole = [Part(file)]
    if file.suffix != ".ndjson":
        return whole
    parts: list[Part] = []
    start = 0
    try:
        with _told():
            for line in _bytes_of(file).split(b"\n"):
                if line.strip():
                    if not _is_whole(_value(line)):
                        return whole
                    parts.append(Part(file, len(parts), start, start + len(line)))
                start += len(line) + 1
    except UnreadableFile:
        return whole
    return parts if len(parts) > 1 else whole


def _is_whole(value: Any) -> bool:
    return isinstance(value, dict) and (value.get("resourceType") == "Bundle" or ("context" in value or "prefetch" in value))


def chart_of(value: Any, *, hook: str, terminology: Terminology, today: date, zone: tzinfo) -> tuple[Chart, dict[str, Any]]:
    """As `chart_of_file`, for JSON that has been read."""
    if isinstance(value, dict) and "context" in value and "resourceType" not in value:
        own = value.get("hook")
        if own not in HOOKS or not isinstance(value["context"], dict):
            raise UnreadableFile(f"the request names no hook we answer; use one of {', '.join(HOOKS)}")
        try:
            chart = read_chart(
                hook=own,
                context=value["context"],
                prefetch=value.get("prefetch"),
                terminology=terminology,
                today=today,
                zone=zone,
            )
        except WrongPatient:
            raise UnreadableFile("the prefetched patient is not the patient of the context") from None
        return chart, value
    if isinstance(value, dict) and isinstance(value.get("prefetch"), dict):
        return read_resources(list(value["prefetch"].values()), hook=hook, terminology=terminology, today=today, zone=zone), {}
    if not isinstance(value, list) and not (isinstance(value, dict) and isinstance(value.get("resourceType"), str)):
        raise UnreadableFile("this is no CDS Hooks request, no Bundle and no list of resources")
    return read_resources(value, hook=hook, terminology=terminology, today=today, zone=zone), {}


def value_of(file: Path) -> Any:
    """What stands in a file of JSON or NDJSON, perhaps in gzip. Raises UnreadableFile."""
    with _told():
        data = _bytes_of(file)
        return _value(data) if ".ndjson" not in file.name else [_value(line) for line in data.split(b"\n") if line.strip()]


def _bytes_of(file: Path) -> bytes:
    if file.stat().st_size > MOST_BYTES:
        raise UnreadableFile(f"the file is larger than {MOST_BYTES} bytes")
    return gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()


@contextmanager
def _told() -> Iterator[None]:
    """Says what is wrong with a file as one UnreadableFile."""
    try:
        yield
    except FileNotFoundError:
        raise UnreadableFile("there is no such file") from None
    except IsADirectoryError:
        raise UnreadableFile("this is a folder; name one file") from None
    except (OSError, gzip.BadGzipFile, EOFError):
        raise UnreadableFile("the file cannot be read") from None
    except UnicodeDecodeError:
        raise UnreadableFile("the file is not UTF-8 text") from None
    except (ValueError, RecursionError):
        raise UnreadableFile("the file is not valid JSON") from None


def _value(data: bytes) -> Any:
    """JSON; what orjson is too strict for (NaN, half a character, a mark at the start) is read as Python reads it, slowly."""
    try:
        return orjson.loads(data)
    except (ValueError, TypeError):
        return json.loads(with_marks(data.decode("utf-8-sig")))


def response_of(evaluation: Evaluation, call: dict[str, Any], settings: Settings) -> dict[str, Any]:
    """The body that the service would answer."""
    hook = evaluation.chart.hook
    return respond(
        evaluation,
        service_id=f"mgcds-{hook}",
        hook_instance=str(call.get("hookInstance", "file")),
        public_url=settings.shown_url,
        incomplete_card=settings.incomplete_card,
    )
