"""An EHR for tests of fetching: a fixture's record served on loopback, and requests that leave parts of it out."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import pytest
from starlette.testclient import TestClient

from mgcds.cards import findings_on
from tests.service.conftest import FIXTURES
from tests.service.fault_server import Answer, Asked, FaultServer, Json

TOKEN = "secret-token-8f2c"
RECORD = "12-ppi-and-thiazide-low-mg.json"
FAILED = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}
EMPTY = {"resourceType": "Bundle", "type": "searchset", "total": 0}


class Ehr:
    """Serves the record of one fixture; `faults` answer instead for a kind of resource or for a prefetch key."""

    def __init__(self, http: TestClient, server: FaultServer) -> None:
        self.http, self.server = http, server
        self.request: Json = json.loads((FIXTURES / "requests" / RECORD).read_text(encoding="utf-8"))
        self.hook: str = self.request["hook"]
        services = {service["hook"]: service for service in http.get("/cds-services").json()["services"]}
        self.templates: dict[str, str] = services[self.hook]["prefetch"]
        self.patient_id: str = self.request["context"]["patientId"]
        self.faults: dict[str, Answer | Callable[[Asked], Answer]] = {}
        self.pages: dict[str, Json] = {}  # by path with query
        server.answer = self._answer

    def key_of(self, path: str) -> str | None:
        asked = unquote(path).removeprefix("/fhir/")
        filled = {key: text.replace("{{context.patientId}}", self.patient_id) for key, text in self.templates.items()}
        return next((key for key, text in filled.items() if text == asked), None)

    def _answer(self, asked: Asked) -> Answer:
        key = self.key_of(asked.path)
        fault = self.faults.get(key or "") or self.faults.get(asked.kind) or self.faults.get("*")
        if fault is not None:
            return fault(asked) if callable(fault) else fault
        found = self.pages.get(asked.path, self.request["prefetch"].get(key) if key else None)
        return Answer(copy.deepcopy(found)) if found else Answer(FAILED, status=404)

    def without(self, *keys: str, **more: Any) -> Json:
        """The request without some of its prefetch (all of it where no key is named), with server and token."""
        request = copy.deepcopy(self.request)
        if keys:
            request["prefetch"] = {key: value for key, value in request["prefetch"].items() if key not in keys}
        else:
            del request["prefetch"]
        request["fhirServer"] = self.server.base
        request["fhirAuthorization"] = {"access_token": TOKEN, "token_type": "Bearer", "expires_in": 300,
                                        "scope": "user/*.read", "subject": "mgcds"}  # fmt: skip
        return request | more

    def call(self, request: Json) -> tuple[int, Json]:
        answer = self.http.post(f"/cds-services/mgcds-{self.hook}", json=request)
        return answer.status_code, answer.json()


def rules_of(answer: Json) -> list[str]:
    """The rules on the cards, in order."""
    return [finding["rule"] for card in answer["cards"] for finding in findings_on(card)]


def notes_of(answer: Json) -> set[str]:
    return {note["code"] for note in answer["extension"]["org.mgcds.evaluation"].get("notes", [])}


def states_of(answer: Json) -> dict[str, str]:
    return {rule: ended["state"] for rule, ended in answer["extension"]["org.mgcds.evaluation"]["rules"].items()}


def named(*names: str) -> pytest.MarkDecorator:
    """Makes the names of black-box checks part of a test's id; needs the fixture `check`."""
    return pytest.mark.parametrize("check", [" ".join(names)], indirect=True)
