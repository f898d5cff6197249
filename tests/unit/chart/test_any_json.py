"""No JSON, however odd, makes reading raise; and the order of entries never matters."""

from __future__ import annotations

import copy
import random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mgcds.chart.intake import WrongPatient
from tests.unit.chart.small import (
    Json,
    bundle,
    call,
    chart,
    concept,
    condition,
    dosage,
    lab,
    order,
    outcome,
    person,
    procedure,
    service,
)

_PERIOD = {"start": "2026-01-01", "end": "2026-07"}
_GOOD: list[Json] = [
    person(),
    lab(meta={"versionId": "1", "lastUpdated": "2026-01-01T00:00:00Z"}, component=[{"code": concept("systolic"), "valueQuantity": {"value": 1}}]),
    lab("expecting-status", valueCodeableConcept=concept("expecting"), effectivePeriod=_PERIOD),
    condition(onsetAge={"value": 40, "unit": "a"}, verificationStatus={"coding": [{"code": "confirmed"}]}, abatementPeriod=_PERIOD),
    procedure("washing", "completed", performedPeriod=_PERIOD),
    service(occurrencePeriod=_PERIOD),
    {"resourceType": "Encounter", "id": "e", "status": "in-progress", "type": [concept("comfort")], "period": _PERIOD},
    {"resourceType": "Appointment", "id": "a", "status": "booked", "reasonCode": [concept("surgery")], "participant": [{"actor": {"reference": "Patient/p1"}}]},
    order(dosageInstruction=[dosage(1, timeOfDay=["07:00"], dayOfWeek=["mon"], boundsPeriod=_PERIOD) | {"route": {"text": "PO"}, "sequence": 1}],
          dispenseRequest={"expectedSupplyDuration": {"value": 3, "unit": "d"}, "numberOfRepeatsAllowed": 2}, reasonCode=[concept("gout")]),
    order(id="m2", status="stopped", medicationReference={"reference": "#x"}, contained=[{"resourceType": "Medication", "id": "x", "ingredient": [
        {"itemCodeableConcept": concept("saltine"), "strength": {"numerator": {"value": 1, "unit": "mg"}, "denominator": {"value": 1}}}]}]),
    {"resourceType": "MedicationDispense", "id": "d", "status": "completed", "whenHandedOver": "2026-06-01", "daysSupply": {"value": 9, "unit": "d"},
     "authorizingPrescription": [{"reference": "MedicationRequest/m2"}], "medicationCodeableConcept": concept("tabs")},
    outcome("warning"),
    {"resourceType": "MedicationOrder", "id": "old", "status": "active", "patient": {"reference": "Patient/p1"}, "dateWritten": "2026-01-01",
     "dateEnded": "2026-05-01", "medicationReference": {"reference": "#x"}, "reasonCodeableConcept": concept("gout"),
     "contained": [{"resourceType": "Medication", "id": "x", "product": {"ingredient": [{"item": {"reference": "#s"}, "amount": {"numerator": {"value": 1}}}]}},
                   {"resourceType": "Substance", "id": "s", "code": concept("saltine")}],
     "dosageInstruction": [{"doseQuantity": {"value": 1, "unit": "tablet"}, "timing": {"event": ["2026-06-15T08:00:00Z"], "repeat": {
         "periodUnits": "d", "when": "HS", "extension": [{"url": "http://hl7.org/fhir/4.0/StructureDefinition/extension-Timing.repeat.timeOfDay", "valueTime": "07:00"}]}}}]},
    {"resourceType": "MedicationStatement", "id": "new", "status": "recorded", "adherence": {"code": concept("taking")}, "effectiveTiming": {"event": ["2026-06-01"]},
     "medication": {"concept": concept("tabs"), "reference": {"reference": "Medication/x"}}, "reason": [{"reference": {"reference": "Condition/c1"}}],
     "dosage": [{"asNeeded": True, "asNeededFor": [concept("gout")], "maxDosePerPeriod": [{"numerator": {"value": 1}}]}]},
    {"resourceType": "DiagnosticOrder", "id": "lab", "status": "accepted", "item": [{"code": concept("salt-order"), "status": "requested"}]},
    {"resourceType": "Encounter", "id": "e5", "status": "in-progress", "reason": [{"value": [{"concept": concept("comfort")}]}], "serviceType": [{"concept": concept("comfort")}]},
]  # fmt: skip
_WORDS = st.sampled_from(
    ["", "active", "2026", "9999-12-31", "Patient/p1", "#", "#x", "mg", "1", "1e999", "NaN", "-1", "Bundle", "Ⅷ", "٣"]
)
_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(10**20), 10**20), st.floats(), _WORDS, st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["resourceType", "id", "entry", "resource", "coding", "code", "value", "reference", "link"]), inner, max_size=3),
    ),
    max_leaves=8,
)  # fmt: skip


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) below a value."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    return [place for key in keys for place in ((value, key), *_places(value[key]))]


@st.composite
def _broken(draw: st.DrawFn) -> Json:
    """A bundle of good resources in which some parts, anywhere, were replaced by any JSON."""
    chosen = draw(st.lists(st.sampled_from(_GOOD), min_size=1, max_size=4))
    sent = copy.deepcopy(bundle(*chosen, link=[{"relation": "self", "url": "x"}], total=3))
    for _ in range(draw(st.integers(1, 3))):
        places = _places(sent)
        if places:
            container, key = draw(st.sampled_from(places))
            container[key] = draw(_JSON)
    return sent


@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(_broken(), _broken(), _JSON)
def test_no_json_makes_reading_raise(one: Json, other: Json, any_json: Any) -> None:
    hook = ("order-select", "order-sign", "medication-refill", "patient-view")[len(str(any_json)) % 4]
    context = {"draftOrders": other, "medications": other, "appointments": any_json, "selections": any_json}
    try:
        call({"medications": one, "patient": any_json, "whatever": other}, hook=hook, **context)
        call(any_json, hook=hook, patientId=any_json, draftOrders=any_json)
    except WrongPatient:
        pass
    chart(one, any_json, hook=hook)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(_broken(), st.randoms(use_true_random=False))
def test_the_order_of_entries_never_matters(sent: Json, chance: random.Random) -> None:
    entries = sent.get("entry")
    if isinstance(entries, list):
        shuffled = entries[:]
        chance.shuffle(shuffled)
        found, again = chart(sent), chart(sent | {"entry": shuffled})
        assert repr(found.results) == repr(again.results)
        assert [use.reference for use in found.uses] == [use.reference for use in again.uses]
        assert found.notes == again.notes


def test_very_deep_nesting_is_survived() -> None:
    deep: Any = {"coding": []}
    for _ in range(5000):
        deep = {"concept": deep, "resource": deep}
    wrapped: Any = bundle(condition())
    for _ in range(5000):
        wrapped = {"resource": wrapped}
    loose = {key: value for key, value in condition().items() if key != "id"} | {"code": deep}
    assert call({"conditions": bundle(loose, order(id="m9"))}).uses
    assert call({"conditions": wrapped}).problems
