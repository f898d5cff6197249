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

    Nothing below a resource is looked at, so that this costs a step an entry.
    """
    parts = [part for key in ("prefetch", "context") if isinstance(part := body.get(key), dict)]
    ahead: list[Any] = [body.get("feedback"), *(value for part in parts for value in part.values())]
    count = medicines = 0
    while ahead:
        value = ahead.pop()
        inside = value.get("entry", value.get("resource")) if isinstance(value, dict) else value
        if isinstance(inside, list):
            count += len(inside)
            if count > MOST_ENTRIES:
                raise Refused(413, "too-costly", f"The request has more than {MOST_ENTRIES} entries.")
            nested = [item for item in inside if isinstance(item, dict)]
            medicines += sum(map(_is_medicine, nested))
            if medicines > MOST_MEDICINES:
                raise Refused(413, "too-costly", f"The request has more than {MOST_MEDICINES} records of medicines.")
            ahead += [item for item in nested if "entry" in item or _is_bundle(item.get("resource"))]
        elif isinstance(inside, dict) and inside is not value:
            ahead.append(inside)
    return body


def _is_medicine(entry: dict[str, Any]) -> bool:
    resource = entry.get("resource", entry)
    kind = resource.get("resourceType") if isinstance(resource, dict) else None
    return isinstance(kind, str) and kind in TYPES


def _is_bundle(resource: Any) -> bool:
    return isinstance(resource, dict) and "entry" in resource
