"""Orders at hand as a suggestion would leave them: withdrawn, and free of what CDS Hooks forbids in an answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mgcds.chart.fhir import status_code

# An order that may have been acted on is stopped; one that was never placed is cancelled. FHIR DSTU2 knows no cancelled order.
_PLACED = frozenset({"active", "on-hold"})
_NO_CANCELLED = frozenset({"MedicationOrder"})
CANCELLABLE = frozenset({"MedicationRequest", "MedicationOrder"})


def withdrawn(draft: Mapping[str, Any]) -> dict[str, Any] | None:
    """The whole order with the status of one that is not to be carried out; None where it is no order of a medicine."""
    kind = draft.get("resourceType")
    if kind not in CANCELLABLE:
        return None
    stopped = kind in _NO_CANCELLED or status_code(draft.get("status")) in _PLACED
    return {**without_empties(draft), "status": "stopped" if stopped else "cancelled"}


def without_empties(resource: Mapping[str, Any]) -> dict[str, Any]:
    """A copy without null, "", [] and {}, which clients send and answers must not hold."""
    kept: dict[str, Any] = {}
    for key, value in resource.items():
        # In FHIR a null keeps the place of a value whose extension stands in the sister list of the same name.
        paired = isinstance(value, list) and (f"_{key}" in resource or key.startswith("_"))
        made = value if paired else _kept(value)
        if made is not None:
            kept[key] = made
    return kept


def _kept(value: Any) -> Any:
    """The value without empty parts, or None where nothing is left of it."""
    if isinstance(value, dict):
        return without_empties(value) or None
    if isinstance(value, list):
        return [made for item in value if (made := _kept(item)) is not None] or None
    return None if value == "" else value
