"""CDS Hooks requests, typed per hook. Unknown fields are ignored; errors name the field, never its value."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID

import structlog
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from mgcds.chart import medications
from mgcds.chart.drafts import ORDERS, is_told
from mgcds.service.errors import Refused

log = structlog.get_logger(__name__)


class Lenient(BaseModel):
    """Fields we do not know, `extension` among them, are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)


_ID = r"[A-Za-z0-9\-._]{1,128}"  # a little more than FHIR's id, because servers in use go beyond it
UserId = Annotated[str, Field(pattern=rf"^[A-Za-z]+/{_ID}$")]
# Some EHRs send "Patient/123" where the specification wants "123".
_BARE = AfterValidator(lambda sent: sent.rsplit("/", 1)[-1])
PatientId = Annotated[str, Field(pattern=rf"^(?:Patient/)?{_ID}$"), _BARE]
EncounterId = Annotated[str, Field(pattern=rf"^(?:Encounter/)?{_ID}$"), _BARE]
# And some send "" where there is no encounter.
AnyEncounterId = Annotated[EncounterId | None, BeforeValidator(lambda sent: None if sent == "" else sent)]


def _of(kinds: frozenset[str]) -> AfterValidator:
    """Orders that say what they are: of anything else nothing would be read, and silence taken for safety."""

    def told(value: dict[str, Any]) -> dict[str, Any]:
        if not is_told(value, kinds):
            raise ValueError("no resource")
        return value

    return AfterValidator(told)


# Bundles; from some EHRs the bare resource.
Orders = Annotated[dict[str, Any], _of(ORDERS)]
Medicines = Annotated[dict[str, Any], _of(medications.TYPES)]
Appointments = Annotated[dict[str, Any], _of(frozenset({"Appointment"}))]
Conditions = Annotated[dict[str, Any], _of(frozenset({"Condition"}))]


class Context(Lenient):
    """What every hook's context has."""

    userId: UserId
    patientId: PatientId
    encounterId: AnyEncounterId = None


class PatientView(Context):
    """patient-view 1.0."""


class OrderSelect(Context):
    """order-select 1.0."""

    selections: list[str]
    draftOrders: Orders


class OrderSign(Context):
    """order-sign 1.0."""

    draftOrders: Orders


class MedicationRefill(Context):
    """medication-refill 0.1.0: the user may be absent."""

    userId: UserId | None = None  # type: ignore[assignment]
    medications: Medicines


class EncounterDischarge(Context):
    """encounter-discharge 1.0."""

    encounterId: EncounterId


class AppointmentBook(Context):
    """appointment-book 1.0."""

    appointments: Appointments


class MedicationVerify(Context):
    """medication-verify 0.1.0: the order stands under `medication`, in the example of the hook's page under `order`."""

    medication: Medicines | None = None
    order: Medicines | None = None

    @model_validator(mode="before")
    @classmethod
    def _one_of_both(cls, value: Any) -> Any:
        """The wrong field is named `medication`, which a validator of the whole could not."""
        if isinstance(value, dict) and value.get("medication") is None and value.get("order") is None:
            return {**value, "medication": ()}
        return value


class ProblemListItemCreate(Context):
    """problem-list-item-create 0.1.0."""

    conditions: Conditions


CONTEXTS: dict[str, type[Context]] = {
    "patient-view": PatientView,
    "order-select": OrderSelect,
    "order-sign": OrderSign,
    "medication-refill": MedicationRefill,
    "encounter-discharge": EncounterDischarge,
    "appointment-book": AppointmentBook,
    "medication-verify": MedicationVerify,
    "problem-list-item-create": ProblemListItemCreate,
}
_WHO = frozenset(("userId", "patientId", "encounterId"))
_YOUNG = ("medication-refill", "medication-verify", "problem-list-item-create")
HOOK_VERSIONS = dict.fromkeys(CONTEXTS, "1.0") | dict.fromkeys(_YOUNG, "0.1.0")


class Authorization(Lenient):
    """fhirAuthorization: checked for shape; never stored, logged or echoed."""

    access_token: str = Field(min_length=1, repr=False)
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
        if self.fhirAuthorization is not None and not self.fhirServer:
            raise ValueError("fhirAuthorization without fhirServer")
        return self


def read_call(body: dict[str, Any], hook: str) -> tuple[Call, Context]:
    """A request for one hook. Raises Refused: 400 naming every wrong field, 412 where the EHR stripped it of its data."""
    call, wrong = checked(Call, body)
    own = body.get("hook")
    if isinstance(own, str) and own != hook:
        raise Refused(400, "value", f"hook: this service answers {hook}.")
    context, wrong_inside = checked(CONTEXTS[hook], body["context"]) if "context" not in wrong else (None, [])
    wrong += [f"context.{path}" for path in wrong_inside]
    if call is not None and is_stripped(body) and wrong_inside and not (_WHO | body["context"].keys()) & set(wrong_inside):
        raise Refused(412, "required", f"Required data could not be had: {', '.join(sorted(wrong_inside))}.")
    if call is None or context is None:
        names = ", ".join(sorted(set(wrong)))
        raise Refused(400, "invalid", f"These fields are missing or wrong: {names}.")
    if call.fhirAuthorization is not None and _lacks_patient(body["fhirAuthorization"]):
        log.warning("patient scopes without a patient")
    return call, context


def is_stripped(body: dict[str, Any]) -> bool:
    """Whether a request has neither data nor access to any: an EHR that does not know our address fires its hook so."""
    return not body.get("prefetch") and body.get("fhirAuthorization") is None


def _lacks_patient(authorization: dict[str, Any]) -> bool:
    """Whether a token for one patient does not say for whom. A SHOULD of the specification, so the call goes on."""
    return "patient/" in str(authorization.get("scope")) and not authorization.get("patient")


Model = TypeVar("Model", bound=BaseModel)


def checked(model: type[Model], value: Any) -> tuple[Model | None, list[str]]:
    """The value as a model, or the paths of what is wrong in it. Paths are made of our own field names."""
    try:
        return model.model_validate(value), []
    except ValidationError as error:
        paths = [".".join(part for part in detail["loc"] if isinstance(part, str)) for detail in error.errors()]
        return None, [path or "fhirServer" for path in paths]
