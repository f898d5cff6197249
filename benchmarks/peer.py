"""The peer: HealthChain's CDS Hooks service with one rule, written as its documentation shows. Runs in a venv of its own."""

from typing import Any

from healthchain.gateway import CDSHooksService, HealthChainAPI
from healthchain.models.requests.cdsrequest import CDSRequest
from healthchain.models.responses.cdsresponse import Card, CDSResponse

PPI, MAGNESIUM, LOW = {"198051"}, {"19123-9"}, 1.7


def _codes(concept: dict[str, Any]) -> set[str]:
    return {coding.get("code") for coding in concept.get("coding", [])}


app = HealthChainAPI()
service = CDSHooksService()


@service.hook("patient-view", id="peer", title="One rule")
def low_magnesium_on_ppi(request: CDSRequest) -> CDSResponse:
    """Low magnesium on omeprazole, on the dictionaries as sent: no units, no dates, no words."""
    drug = low = False
    for bundle in (request.prefetch or {}).values():
        for entry in bundle.get("entry", []):
            resource = entry["resource"]
            if resource["resourceType"] == "MedicationRequest" and resource["status"] == "active":
                drug = drug or bool(PPI & _codes(resource.get("medicationCodeableConcept", {})))
            elif resource["resourceType"] == "Observation" and MAGNESIUM & _codes(resource["code"]):
                low = low or resource.get("valueQuantity", {}).get("value", LOW) < LOW
    cards = [Card(summary="Low magnesium on omeprazole", indicator="warning", source={"label": "peer"})] if drug and low else []
    return CDSResponse(cards=cards)


app.register_service(service)
