"""Reads a request body as strict JSON: bounded, UTF-8, no duplicate keys, no NaN, not too deep."""

from __future__ import annotations

import json
import math
from typing import Any

from starlette.requests import Request

from mgcds.service.errors import Refused

MOST_DEPTH = 64
# A body too large is read on (and thrown away) up to this many times the limit: a client that is still sending would
# otherwise see a broken connection instead of the 413.
DRAIN = 4
_JSON_TYPES = ("application/json", "application/fhir+json", "text/json")


async def read_json(request: Request, max_body: int) -> dict[str, Any]:
    """The body as a JSON object. Raises Refused; no message ever holds a part of the body."""
    content_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if content_type not in _JSON_TYPES:
        raise Refused(415, "not-supported", "Send the request as application/json.")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Refused(415, "not-supported", "Send the request without content encoding.")
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= max_body:
            chunks.append(chunk)
        elif size > DRAIN * max_body:
            break
    if size > max_body:
        raise Refused(413, "too-long", f"The request is larger than {max_body} bytes.")
    return parse(b"".join(chunks))


def parse(body: bytes) -> dict[str, Any]:
    """A JSON object from bytes. Raises Refused."""
    try:
        value = json.loads(
            body.decode("utf-8-sig"), object_pairs_hook=_no_duplicates, parse_constant=_no_constant, parse_float=_finite
        )
    except UnicodeDecodeError:
        raise Refused(400, "structure", "The request is not UTF-8 text.") from None
    except RecursionError:
        raise Refused(400, "structure", "The request is nested too deeply.") from None
    except (ValueError, Refused) as error:
        raise Refused(400, "structure", _MESSAGES.get(str(error), "The request is not valid JSON.")) from None
    if not isinstance(value, dict):
        raise Refused(400, "structure", "The request is not a JSON object.")
    if _deeper_than(value, MOST_DEPTH):
        raise Refused(400, "structure", "The request is nested too deeply.")
    return value


_MESSAGES = {
    "duplicate": "A JSON object of the request has the same key twice.",
    "constant": "The request holds a number that JSON does not have (NaN or Infinity).",
}


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("duplicate")
    return made


def _no_constant(_: str) -> float:
    raise ValueError("constant")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("constant")
    return number


def _deeper_than(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        level = [child for item in level for child in (item.values() if isinstance(item, dict) else item)
                 if isinstance(child, dict | list)]  # fmt: skip
        if not level:
            return False
    return True
