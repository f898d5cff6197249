"""Takes in the body of a call: in time, and with no more entries than a chart has."""

from __future__ import annotations

from typing import Any

from anyio import move_on_after
from starlette.requests import Request

from mgcds.chart.medications import TYPES
from mgcds.service.body import read_body
from mgcds.service.errors import Refused

# The largest real charts we met have one entry a kilobyte, so this and the greatest size of a request are met together.
MOST_ENTRIES = 5_000
# Records of medicines are compared with each other, so their cost grows with the square: a thousand take about a second.
MOST_MEDICINES = 2_000


async def take_body(request: Request, *, most: int, seconds: float) -> bytes:
    """The bytes of a JSON request. A sender that is too slow holds memory and a place. Raises Refused, 408 among others."""
    with move_on_after(seconds):
        return await read_body(request, most)
    raise Refused(408, "timeout", "The request came too slowly.", close=True)


def within_bounds(body: dict[str, Any]) -> dict[str, Any]:
    """The same body. Raises Refused with status 413 where it has more entries than a chart can have.

    Every list, Bundle and wrapper is opened that a chart may be read from, however they stand in each other. Nothing below
    a resource is looked at, so that this costs two steps an entry.
    """
    parts = [part for key in ("prefetch", "context") if isinstance(part := body.get(key), dict)]
    ahead: list[Any] = [body.get("feedback"), *(value for part in parts for value in part.values())]
    _no_more(len(ahead), MOST_ENTRIES, "entries")
    count = medicines = 0
    while ahead:
        value = ahead.pop()
        if isinstance(value, list):
            count += len(value)
            _no_more(count, MOST_ENTRIES, "entries")
            ahead += value
        elif isinstance(value, dict):
            kind = value.get("resourceType")
            if not isinstance(kind, str) or kind == "Bundle":
                ahead += (value.get("entry"), value.get("resource"))
            elif kind in TYPES:
                medicines += 1
                _no_more(medicines, MOST_MEDICINES, "records of medicines")
    return body


def _no_more(count: int, most: int, what: str) -> None:
    if count > most:
        raise Refused(413, "too-costly", f"The request has more than {most} {what}.")
