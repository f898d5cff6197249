"""Dosage and Timing of FHIR DSTU2, STU3 and R5 in the shape of R4."""

from __future__ import annotations

from typing import Any

from mgcds.chart.fhir import Resource, block, items, strings, text

DOSES = {
    "doseQuantity": "doseQuantity", "doseRange": "doseRange", "quantityQuantity": "doseQuantity", "quantityRange": "doseRange",
    "quantity": "doseQuantity", "dose": "doseQuantity",
}  # fmt: skip
REPEAT = {"periodUnits": "periodUnit", "durationUnits": "durationUnit", "boundsQuantity": "boundsDuration"}
# HL7's extensions for elements of a later version: DSTU2 itself has neither times of day nor days of the week.
_LATER = "/StructureDefinition/extension-Timing.repeat."
_LATER_VALUES = {"timeOfDay": "valueTime", "dayOfWeek": "valueCode"}


def dosage_as_r4(sent: Resource) -> Resource:
    """One dosage instruction: the dose in doseAndRate, as needed in R4's elements."""
    made = dict(sent)
    flat = {new: dose for old, new in DOSES.items() if (dose := made.pop(old, None))}
    if flat:
        made["doseAndRate"] = [*items(made.get("doseAndRate")), flat]
    if made.get("asNeeded") is True:
        made["asNeededBoolean"] = True
    if reasons := items(made.get("asNeededFor")):
        made.setdefault("asNeededCodeableConcept", reasons[0])
    if isinstance(made.get("timing"), dict):
        made["timing"] = _timing(made["timing"])
    return made


def _timing(sent: Resource) -> Resource:
    if not isinstance(sent.get("repeat"), dict):
        return sent
    repeat = dict(sent["repeat"])
    for old, new in REPEAT.items():
        if old in repeat:
            repeat.setdefault(new, repeat.pop(old))
    told: dict[str, list[str]] = {}
    for extension in items(repeat.pop("extension", None)):
        _, found, key = text(extension.get("url")).partition(_LATER)
        if found and key in _LATER_VALUES:
            told.setdefault(key, strings(repeat.get(key))).extend(strings(extension.get(_LATER_VALUES[key])))
    return sent | {"repeat": repeat | told}


def span_of(timing: Any) -> Resource:
    """A Timing as the Period that it spans: its bounds, else its first to its last event."""
    sent = block(timing)
    bounds = block(sent.get("repeat")).get("boundsPeriod")
    events = sorted(strings(sent.get("event")))
    return block(bounds) or ({"start": events[0], "end": events[-1]} if events else {})
