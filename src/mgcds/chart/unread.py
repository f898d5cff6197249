"""Whether a record has words that are too long to be read, so that they are not passed over in silence.

Not those of a route: one that is not read counts as not written, and then the medicine counts as taken.
"""

from __future__ import annotations

from mgcds.chart.fhir import Resource, is_overlong, items
from mgcds.chart.medications import TYPES as MEDICATIONS
from mgcds.chart.requests import TYPES as REQUESTS

# The concepts whose words say something, by the type of the record. What an Observation is about is read by code alone.
_CONCEPTS: dict[str, tuple[str, ...]] = {
    "Observation": ("valueCodeableConcept",),
    "Condition": ("code",),
    "Procedure": ("code",),
    "Encounter": ("type", "serviceType", "reasonCode"),
    "Appointment": ("serviceType", "reasonCode"),
    "Medication": ("code", "form"),
    **dict.fromkeys(REQUESTS, ("code",)),
    **dict.fromkeys(MEDICATIONS, ("medicationCodeableConcept", "reasonCode", "code", "form")),  # two of a contained Medication
}
_PARTS = ("component", "item", "contained")


def has_unread_words(record: Resource) -> bool:
    """Whether one of its concepts, or of those of its parts, has more words than are read."""
    names = _CONCEPTS.get(record["resourceType"], ())
    for name in names:
        if name in record and any(map(is_overlong, items(record[name]))):
            return True
    for key in _PARTS:
        for part in items(record[key]) if key in record else ():
            if any(is_overlong(concept) for name in names if name in part for concept in items(part[name])):
                return True
    return False
