"""Requests that were right once: a fixture with some of its parts removed, replaced, repeated or made strange."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.service.conftest import FIXTURES


def _of_the_youngest_hooks(signing: dict[str, Any]) -> list[dict[str, Any]]:
    """An order that is verified, and a problem that is put on the list."""
    verified, added = copy.deepcopy(signing) | {"hook": "medication-verify"}, copy.deepcopy(signing)
    verified["context"]["medication"] = verified["context"].pop("draftOrders")["entry"][0]["resource"]
    added["hook"] = "problem-list-item-create"
    orders = added["context"].pop("draftOrders")
    subject = orders["entry"][0]["resource"]["subject"]
    condition = {"resourceType": "Condition", "id": "c1", "subject": subject, "code": {"text": "Myasthenia gravis"},
                 "clinicalStatus": {"coding": [{"code": "active"}]}, "onsetDateTime": "2026-06-01"}  # fmt: skip
    added["context"]["conditions"] = {"resourceType": "Bundle", "entry": [{"resource": condition}]}
    added["prefetch"]["medications"] = orders
    return [verified, added]


def _asking_not_to_repeat(signing: dict[str, Any]) -> dict[str, Any]:
    """A signing by a client that wants nothing shown twice."""
    made = copy.deepcopy(signing) | {"extension": {"configuration-items": {"filter-out-repeated-alerts": True}}}
    made["context"]["encounterId"] = "e1"
    return made


_FIXTURES = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((FIXTURES / "requests").glob("*.json"))]
_SIGNING = next(request for request in _FIXTURES if request["hook"] == "order-sign")
SEEDS = [*_FIXTURES, *_of_the_youngest_hooks(_SIGNING), _asking_not_to_repeat(_SIGNING)]
# No word of these stands in an answer of ours by itself, so that what is found there was echoed.
CANARY = "kanarienvogel"
STRANGE: list[Any] = [
    None, True, False, 0, -1, -0.0, 1e308, -1e308, 10**400, 5e-324, 2**63, 0.1 + 0.2, "", " ", "\u0000", "\ud83d", "\u202e", "a" * 5000,
    "{{context.patientId}}", "'; DROP TABLE card; --", "<img src=x onerror=alert(1)>", "../../etc/passwd", "${jndi:ldap://x}", "%00",
    "٣", "2026-02-30", "9999-12-31T23:59:60Z", "0001-01-01", "-1", "1e5", "NaN", "٢٠٢٦-٠٦-١٥", [], {}, [[]], [None], [{}], {"": ""},
    {"resourceType": None}, {"resourceType": "Bundle", "entry": None}, {"resourceType": "Bundle", "entry": [None, 1, "x", []]},
    {"resourceType": "OperationOutcome"}, {"value": "1.5", "unit": 7}, {"start": "x"}, {"reference": "#"}, {"reference": "Patient/" * 50},
    [[[[[[[[[[]]]]]]]]]], {"coding": {"code": ["x"]}}, {"coding": [{"system": {}, "code": 1}]},
]  # fmt: skip


@dataclass(frozen=True)
class Sent:
    """One request over HTTP."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


def places(value: Any, found: list[tuple[Any, Any]]) -> None:
    """Every (container, key) below a value."""
    pairs = list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    for key, item in pairs:
        found.append((value, key))
        places(item, found)


def mutated(chance: random.Random) -> dict[str, Any]:
    """A fixture with one to eight changes."""
    request: dict[str, Any] = copy.deepcopy(chance.choice(SEEDS))
    for _ in range(chance.choice((0, 1, 1, 1, 2, 3, 8))):
        found: list[tuple[Any, Any]] = []
        places(request, found)
        if found:
            container, key = chance.choice(found)
            chance.choice(CHANGES)(chance, container, key)
    return request


def _remove(_: random.Random, container: Any, key: Any) -> None:
    del container[key]


def _strange(chance: random.Random, container: Any, key: Any) -> None:
    container[key] = copy.deepcopy(chance.choice(STRANGE))


def _repeat(chance: random.Random, container: Any, key: Any) -> None:
    times = chance.choice((2, 3, 50))
    if isinstance(container, list):
        container.extend(copy.deepcopy(container[key]) for _ in range(times))
    else:
        container[key] = [copy.deepcopy(container[key]) for _ in range(times)]


def _wrap(chance: random.Random, container: Any, key: Any) -> None:
    value = container[key]
    container[key] = chance.choice(([value], {"resource": value}, {str(key): value}, {"entry": [{"resource": value}]}))


def _from_elsewhere(chance: random.Random, container: Any, key: Any) -> None:
    found: list[tuple[Any, Any]] = []
    places(chance.choice(SEEDS), found)
    other, name = chance.choice(found)
    container[key] = copy.deepcopy(other[name])


def _text(chance: random.Random, container: Any, key: Any) -> None:
    value = container[key]
    if isinstance(value, str) and value:
        cut = chance.randrange(len(value))
        container[key] = chance.choice((value[:cut], value[cut:], value.upper(), value + value, value[:cut] + CANARY + value[cut:],
                                        value[:cut] + chance.choice("\u0000\u202e\ud800<>&'\"\\*[](){}|`~\n") + value[cut:]))  # fmt: skip
    elif isinstance(value, int | float) and not isinstance(value, bool):
        less = value // 1000 if isinstance(value, int) else value / 1000  # a huge integer is no float
        container[key] = chance.choice((-value, value * 1000, less, str(value), float("inf") if value else 0))


def _rename(chance: random.Random, container: Any, key: Any) -> None:
    if isinstance(container, dict):
        container[chance.choice((f"_{key}", str(key).upper(), CANARY, ""))] = container.pop(key)


CHANGES: tuple[Callable[[random.Random, Any, Any], None], ...] = (
    _remove, _strange, _strange, _repeat, _wrap, _from_elsewhere, _text, _text, _rename,
)  # fmt: skip


def sent(chance: random.Random) -> Sent:
    """A mutated request as bytes, now and then damaged on the way, and now and then sent to the wrong place."""
    request = mutated(chance)
    hook = request.get("hook")
    own = hook if isinstance(hook, str) and hook.isascii() and hook.replace("-", "").isalpha() else "patient-view"
    body = json.dumps(request, ensure_ascii=chance.random() < 0.7 or _has_halves(request)).encode("utf-8", "replace")
    path, method, headers = f"/cds-services/mgcds-{own}", "POST", {"content-type": "application/json"}
    odd = chance.random()
    if odd < 0.06:
        body = _damaged(chance, body)
    elif odd < 0.08:
        headers = {
            "content-type": chance.choice(("text/plain", "application/fhir+json", "", "application/json;charset=x", CANARY))
        }
    elif odd < 0.10:
        path = chance.choice(
            (f"{path}/feedback", f"/cds-services/{CANARY}", "/cds-services", f"/rules/{CANARY}", f"{path}/", "//")
        )
    elif odd < 0.12:
        method = chance.choice(("GET", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE", "FOO"))
    elif odd < 0.16:
        path = f"/cds-services/mgcds-{own}/feedback"
        body = json.dumps(feedback(chance)).encode("utf-8", "replace")
    return Sent(method, path, headers | {"x-odd": CANARY, "authorization": f"Bearer {CANARY}"}, body)


def feedback(chance: random.Random) -> Any:
    """A batch of feedback with some changes."""
    entry = {"card": "0d5a2c1e-1111-4222-8333-444455556666", "outcome": "overridden", "outcomeTimestamp": "2026-06-15T08:00:00Z",
             "overrideReason": {"reason": {"code": "not-applicable", "system": "urn:mgcds:override-reason"}, "userComment": CANARY},
             "acceptedSuggestions": [{"id": "0d5a2c1e-1111-4222-8333-444455556667"}]}  # fmt: skip
    batch: dict[str, Any] = {"feedback": [copy.deepcopy(entry) for _ in range(chance.choice((1, 1, 2, 30)))]}
    for _ in range(chance.choice((0, 1, 2, 4))):
        found: list[tuple[Any, Any]] = []
        places(batch, found)
        if found:
            container, key = chance.choice(found)
            chance.choice(CHANGES)(chance, container, key)
    return batch


def _has_halves(request: Any) -> bool:
    return "\\ud8" in json.dumps(request)


def _damaged(chance: random.Random, body: bytes) -> bytes:
    cut = chance.randrange(len(body) + 1)
    junk = bytes(chance.randrange(256) for _ in range(chance.choice((1, 4, 40))))
    return chance.choice((body[:cut], body[:cut] + junk + body[cut:], junk + body, body + body, b"\xef\xbb\xbf" + body,
                          body[:cut] + body[cut + 1 :], body.replace(b":", b",", 1), b"[" * chance.choice((63, 65, 5000)) + body))  # fmt: skip
