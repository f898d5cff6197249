"""Evaluates a stored request again as it was recorded, and says what differs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

from mgcds import __version__
from mgcds.cards import respond
from mgcds.chart.intake import WrongPatient, read_chart
from mgcds.engine.evaluate import Engine, Evaluation
from mgcds.engine.remember import Override
from mgcds.language.rule import HOOKS
from mgcds.service.body import parse
from mgcds.service.decision import content_of
from mgcds.service.errors import Refused
from mgcds.service.lacking import OTHER_KEY
from mgcds.service.repeats import REASON, STATE, without
from mgcds.service.requests import read_call
from mgcds.store.pseudonym import fingerprint, masked

_END = ("state", "level", "reason", "by", "version")
_HIDDEN = ("reference", "word")


class ReplayError(Exception):
    """The record or the request cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Replay:
    """What came of it. `warnings`: what was otherwise from the start; `differences`: empty where all is the same."""

    warnings: tuple[str, ...]
    differences: tuple[str, ...]
    findings: int


def read_record(text: str, body: bytes | None) -> dict[str, Any]:
    """The one record of an export; of several, the one of this request. Raises ReplayError."""
    try:
        found = [json.loads(text)]
    except ValueError:
        try:
            found = [json.loads(line) for line in text.splitlines() if line.strip()]
        except ValueError:
            raise ReplayError("the record is not JSON as `mgcds records export` writes it") from None
    if len(found) > 1 and body is not None:
        found = [each for each in found if isinstance(each, dict) and each.get("request") == sha256(body).hexdigest()]
    if len(found) != 1:
        raise ReplayError(f"the file should hold one record of this request, and holds {len(found)}")
    wanted = ("day", "hook", "library", "mgcds", "rules", "findings", "overrides", "zone", "service", "request")
    if not isinstance(found[0], dict) or any(key not in found[0] for key in wanted) or found[0]["hook"] not in HOOKS:
        raise ReplayError("this is no record as `mgcds records export` writes it")
    return found[0]


def replay(record: dict[str, Any], body: bytes, engine: Engine, key: bytes | None) -> Replay:
    """Evaluates the request on the recorded day, under the recorded overrides. `key`: of the pseudonyms; None: not at hand.

    Raises ReplayError.
    """
    library = engine.library
    knows_key = key is not None and record.get("key") == fingerprint(key)
    warnings = list(_warnings(record, body, library.hash, knows_key))
    mask: Callable[[str], str] = partial(masked, key) if knows_key and key is not None else (lambda _: "")
    try:
        overrides = [Override(past["rule"], past["indicator"], date.fromisoformat(past["on"])) for past in record["overrides"]]
        call, context = read_call(parse(body), record["hook"])
        if lacking := ", ".join(_lacking(record, body, call.prefetch or {})):
            where = "were fetched from the FHIR server and are not in the request file; put them into its prefetch"
            raise ReplayError(f"these data {where}: {lacking}")
        chart = read_chart(
            hook=record["hook"],
            context={**call.context, "patientId": context.patientId},
            prefetch=call.prefetch,
            terminology=library.terminology,
            today=date.fromisoformat(record["day"]),
            zone=ZoneInfo(record["zone"]),
        )
    except Refused as error:
        raise ReplayError(f"the request is none that the service answers: {error.text}") from None
    except WrongPatient:
        raise ReplayError("the prefetched patient is not the patient of the context") from None
    except (KeyError, TypeError, ValueError):
        raise ReplayError("this is no record as `mgcds records export` writes it") from None
    evaluation = _as_shown(engine.evaluate(chart, overrides), record)
    answer = respond(evaluation, service_id=record["service"], hook_instance=str(call.hookInstance), public_url="")
    now = json.loads(json.dumps(content_of(evaluation, answer, overrides, zone=record["zone"], mask=mask)))
    before = record if knows_key else record | {"findings": [_shown(finding) for finding in record["findings"]]}
    if not knows_key:
        now["findings"] = [_shown(finding) for finding in now["findings"]]
    return Replay(tuple(warnings), tuple(_differences(before, now)), len(now["findings"]))


def _lacking(record: dict[str, Any], body: bytes, prefetch: Mapping[str, Any]) -> list[str]:
    """What was fetched and is not in the request: all of it where this is the request as it was sent; else keys it lacks."""
    fetched: list[str] = record.get("fetched", [])
    if record["request"] == sha256(body).hexdigest():
        return fetched
    return [key for key in fetched if key != OTHER_KEY and key not in prefetch]


def _as_shown(evaluation: Evaluation, record: dict[str, Any]) -> Evaluation:
    """The evaluation without what the record left out as shown before. Only where it would be shown now: all else differs."""
    repeated = {rule for rule, end in record["rules"].items() if (end.get("state"), end.get("reason")) == (STATE, REASON)}
    return without(evaluation, repeated & {finding.rule.id for finding in evaluation.findings})


def _warnings(record: dict[str, Any], body: bytes, library: str, knows_key: bool) -> Iterator[str]:
    if record["mgcds"] != __version__:
        yield f"recorded by mgcds {record['mgcds']}, replayed by mgcds {__version__}"
    if record["library"] != library:
        yield f"recorded with library {record['library']}, replayed with library {library}"
    if record["request"] != sha256(body).hexdigest():
        yield "the request is not the same file, byte for byte, that was recorded"
    if not knows_key:
        yield "references and words were not compared, because the key of the pseudonyms is not the one of the record"


def _shown(finding: dict[str, Any]) -> dict[str, Any]:
    because = [{key: value for key, value in part.items() if key not in _HIDDEN} for part in finding["because"]]
    return finding | {"because": because}


def _differences(before: dict[str, Any], now: dict[str, Any]) -> Iterator[str]:
    """Rules that ended otherwise, values that were read otherwise, then findings that are not the same bytes."""
    for rule in sorted({*before["rules"], *now["rules"]}):
        was, is_now = (_end(each["rules"].get(rule)) for each in (before, now))
        if was != is_now:
            yield f"{rule}: recorded {was}, now {is_now}"
    for part in ("present", "not_known"):
        was_so, is_so = (set(content.get(part, ())) for content in (before, now))
        yield from (f"{key}: recorded as {part.replace('_', ' ')}, not so now" for key in sorted(was_so - is_so))
        yield from (f"{key}: {part.replace('_', ' ')} now, not recorded so" for key in sorted(is_so - was_so))
    values = [{each["question"]: each for each in content.get("values", ())} for content in (before, now)]
    for key in sorted({*values[0], *values[1]}):
        was, is_now = (_value(each.get(key)) for each in values)
        if was != is_now:
            yield f"{key}: recorded {was}, now {is_now}"
    if _bytes(before["findings"]) != _bytes(now["findings"]):
        rules = [[finding["rule"] for finding in content["findings"]] for content in (before, now)]
        if rules[0] != rules[1]:
            yield f"findings: recorded {', '.join(rules[0]) or 'none'}, now {', '.join(rules[1]) or 'none'}"
        for was, is_now in zip(before["findings"], now["findings"], strict=False):
            if was["rule"] == is_now["rule"] and _bytes(was) != _bytes(is_now):
                other = sorted(key for key in {*was, *is_now} if was.get(key) != is_now.get(key))
                yield f"{was['rule']}: the finding differs in {', '.join(other)}"


def _end(end: dict[str, str] | None) -> str:
    return "not listed" if end is None else " ".join(f"{key} {end[key]}" for key in _END if end.get(key))


def _value(value: dict[str, Any] | None) -> str:
    if value is None:
        return "no value"
    return " ".join(str(value[key]) for key in ("value", "unit", "word", "date") if key in value)


def _bytes(findings: Any) -> bytes:
    return json.dumps(findings, sort_keys=True, separators=(",", ":")).encode()
