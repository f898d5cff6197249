"""CDS Hooks requests, typed per hook. Unknown fields are kept out of the way; errors name the field, never its value."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from mgcds.service.errors import Refused


class Lenient(BaseModel):
    """Fields we do not know are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)


UserId = Annotated[str, Field(pattern=r"^[A-Za-z]+/[A-Za-z0-9\-.]{1,64}$")]
# Some EHRs send "Patient/123" where the specification wants "123".
PatientId = Annotated[
    str, Field(pattern=r"^(?:Patient/)?[A-Za-z0-9\-.]{1,64}$"), AfterValidator(lambda v: v.rsplit("/", 1)[-1])
]
Resource = dict[str, Any]


class Context(Lenient):
    """What every hook's context has."""

    userId: UserId
    patientId: PatientId
    encounterId: str | None = None


class PatientView(Context):
    """patient-view 1.0."""


class OrderSelect(Context):
    """order-select 1.0."""

    selections: list[str]
    draftOrders: Resource


class OrderSign(Context):
    """order-sign 1.0."""

    draftOrders: Resource


class MedicationRefill(Context):
    """medication-refill 0.1.0: the user may be absent."""

    userId: UserId | None = None  # type: ignore[assignment]
    medications: Resource


class EncounterDischarge(Context):
    """encounter-discharge 1.0."""

    encounterId: str


class AppointmentBook(Context):
    """appointment-book 1.0."""

    appointments: Resource


CONTEXTS: dict[str, type[Context]] = {
    "patient-view": PatientView,
    "order-select": OrderSelect,
    "order-sign": OrderSign,
    "medication-refill": MedicationRefill,
    "encounter-discharge": EncounterDischarge,
    "appointment-book": AppointmentBook,
}
HOOK_VERSIONS = dict.fromkeys(CONTEXTS, "1.0") | {"medication-refill": "0.1.0"}


class Authorization(Lenient):
    """fhirAuthorization: checked for shape; never stored, logged or echoed."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    scope: str
    subject: str


class Call(Lenient):
    """A CDS Hooks request."""

    hook: str
    hookInstance: UUID
    context: dict[str, Any]
    fhirServer: str | None = None
    fhirAuthorization: Authorization | None = None
    prefetch: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _server_with_token(self) -> Call:
        if self.fhirAuthorization is not None and self.fhirServer is None:
            raise ValueError("fhirAuthorization without fhirServer")
        return self


def read_call(body: dict[str, Any], hook: str) -> tuple[Call, Context]:
    """A request for one hook. Raises Refused with status 400, naming the field."""
    try:
        call = Call.model_validate(body)
        if call.hook != hook:
            raise Refused(400, "value", f"This service answers the hook {hook}.")
        return call, CONTEXTS[hook].model_validate(call.context)
    except ValidationError as error:
        known = {"hook", "hookInstance", "context", "fhirServer", "fhirAuthorization", "prefetch"}
        fields = set()
        for detail in error.errors():
            path = [str(part) for part in detail["loc"] if isinstance(part, str)]
            inside = "" if not path or path[0] in known else "context."
            fields.add(inside + ".".join(path[:2]) if path else "fhirServer")
        names = ", ".join(sorted(fields))
        raise Refused(400, "invalid", f"These fields are missing or wrong: {names}.") from None
