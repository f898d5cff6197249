"""An AuditEvent for every invocation, in the shape of IHE's Basic Audit Log Patterns, into a file of its own.

The file is a protected sink beside the logs: who called, for which patient and user, when, and how it ended. Patient and
user stand there as pseudonyms that only the site's key can make again; no name, no result, no text of a card.

No event claims one of IHE's profiles: they are of REST reads and searches, and a CDS Hooks call is neither.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog
from anyio import CapacityLimiter
from anyio.to_thread import run_sync

from mgcds.service.caller import ANYBODY
from mgcds.service.exchange import Exchange
from mgcds.settings import Settings, SettingsError

log = structlog.get_logger(__name__)

_TYPES = "http://terminology.hl7.org/CodeSystem/audit-event-type"
_SUBTYPES = "http://hl7.org/fhir/restful-interaction"
_DCM = "http://dicom.nema.org/resources/ontology/DCM"
PSEUDONYM = "urn:mgcds:pseudonym"
ISSUER, SERVICE = "urn:mgcds:issuer", "urn:mgcds:service"


def audit_event(
    *, service: str, issuer: str, user: str, patient: str, request_id: str, at: datetime, status: int
) -> dict[str, Any]:
    """One AuditEvent (FHIR R4); `at` has a zone.

    `issuer` is that of a verified token, `user` and `patient` are pseudonyms; each is "" where there is none. One agent is
    the requestor: the user, or the client where no user is known.
    """
    client = _identified(ISSUER, issuer) if issuer else {"display": "not authenticated"}
    agents = [
        {"type": _coding(_DCM, "110153", "Source Role ID"), "who": client, "requestor": not user},
        {"type": _coding(_DCM, "110152", "Destination Role ID"), "who": _identified(SERVICE, service), "requestor": False},
    ]
    if user:
        agents.append({
            "type": _coding("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "IRCP", "information recipient"),
            "who": _identified(PSEUDONYM, user), "requestor": True,
        })  # fmt: skip
    entities = [
        {
            "what": _identified("urn:mgcds:request", request_id),
            "type": {"system": "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType", "code": "XrequestId"},
        }
    ]
    if patient:
        role = {"system": "http://terminology.hl7.org/CodeSystem/object-role", "code": "1", "display": "Patient"}
        kind = {"system": "http://terminology.hl7.org/CodeSystem/audit-entity-type", "code": "1", "display": "Person"}
        entities.append({"what": _identified(PSEUDONYM, patient), "type": kind, "role": role})
    return {
        "resourceType": "AuditEvent",
        "type": {"system": _TYPES, "code": "rest", "display": "RESTful Operation"},
        "subtype": [{"system": _SUBTYPES, "code": "operation", "display": "operation"}],
        "action": "E",
        "recorded": at.isoformat(timespec="milliseconds"),
        "outcome": _outcome(status),
        "agent": agents,
        "source": {
            "observer": {"display": "mgcds"},
            "type": [{"system": _SOURCE, "code": "4", "display": "Application Server"}],
        },
        "entity": entities,
    }


_SOURCE = "http://terminology.hl7.org/CodeSystem/security-source-type"


def _identified(system: str, value: str) -> dict[str, Any]:
    """A reference by identifier."""
    return {"identifier": {"system": system, "value": value}}


def _coding(system: str, code: str, display: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code, "display": display}]}


def _outcome(status: int) -> str:
    """0 success, 4 the caller's fault, 8 ours."""
    return "0" if status < 400 else "4" if status < 500 else "8"


class Audit:
    """Writes an event for every exchange that is audited, where the settings name a file."""

    def __init__(self, file: AuditFile, now: Callable[[], datetime]) -> None:
        self._file = file
        self._now = now
        self._one = CapacityLimiter(1)  # a slow disk holds one thread, not all

    async def note(self, exchange: Exchange, *, request_id: str, status: int) -> None:
        """Writes the event of one exchange, after its answer has gone out."""
        user, patient = exchange.whom
        issuer = "" if exchange.issuer == ANYBODY.issuer else exchange.issuer
        event = audit_event(
            service=exchange.service, issuer=issuer, user=user, patient=patient, request_id=request_id, at=self._now(),
            status=status,
        )  # fmt: skip
        await run_sync(self._file.write, event, limiter=self._one)


def open_audit(settings: Settings, failed: Callable[[], None]) -> Audit | None:
    """The audit file that the settings name. Raises SettingsError where it cannot be written to."""
    if settings.audit_file is None:
        return None
    file = AuditFile(settings.audit_file, failed)
    try:
        file.check()
    except OSError as error:
        raise SettingsError(f"MGCDS_AUDIT_FILE: it cannot be written to ({error.strerror}); name another place") from None
    return Audit(file, settings.instant)


class AuditFile:
    """Appends events to a file, a line each. What cannot be written is counted and said, and stops no answer."""

    def __init__(self, file: Path, failed: Callable[[], None] = lambda: None) -> None:
        """`failed` is called for each event that could not be written."""
        self._file = file
        self._failed = failed
        self._lock = threading.Lock()

    def check(self) -> None:
        """Opens the file, so that a wrong place is seen at start. Raises OSError."""
        os.close(self._open())

    def write(self, event: dict[str, Any]) -> None:
        """Appends one event, whole: one write of one line holds even with several workers on one file."""
        line = json.dumps(event, separators=(",", ":")).encode() + b"\n"
        try:
            with self._lock:
                handle = self._open()  # each time anew, so that the file can be rotated away
                try:
                    os.write(handle, line)
                finally:
                    os.close(handle)
        except OSError as error:
            self._failed()
            log.error("audit event not written", why=type(error).__name__)

    def _open(self) -> int:
        return os.open(self._file, os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o600)
