"""Calls made of our own description of the interface: what it says is what callers meet.

60 for each operation, 2,000 with MGCDS_LONG=1.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from contextlib import nullcontext
from typing import Any
from zlib import crc32

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from mgcds.language.library import Library
from mgcds.service.app import create_app
from mgcds.settings import Settings
from tests.fuzz.mutations import SEEDS
from tests.service.conftest import TODAY

EXAMPLES = 2_000 if os.environ.get("MGCDS_LONG") else 60
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    allow_header_conformance,
]


@pytest.fixture(scope="module")
def described(library: Library) -> Any:
    """The interface of the real application; its own names are put into the calls below."""
    app = create_app(library, Settings(today=TODAY, rate_per_second=0))
    return schemathesis.openapi.from_asgi("/openapi.json", app)


def test_the_interface_is_as_described(described: Any, library: Library, capsys: pytest.CaptureFixture[str]) -> None:
    operations = [result.ok() for result in described.get_all_operations()]
    assert {"POST /cds-services/{service_id}", "GET /cds-services"} <= {operation.label for operation in operations}
    statuses: Counter[int] = Counter()
    for operation in operations:
        statuses.clear()

        @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
        @given(operation.as_strategy())
        def calls(case: schemathesis.Case) -> None:
            _with_names_of_ours(case, sorted(library.rules))
            statuses[case.call_and_validate(checks=CHECKS).status_code] += 1

        calls()
        with capsys.disabled() if EXAMPLES > 60 else nullcontext():
            print(f"{operation.label}: {statuses.total():,} calls as described; by status {dict(sorted(statuses.items()))}")
        assert statuses[200]  # or nothing of an answer was compared with what is described


def _with_names_of_ours(case: schemathesis.Case, rules: list[str]) -> None:
    """Ids of services and rules that there are, and contexts that a hook can have, nearly always: or nothing got past them."""
    number = crc32(json.dumps([case.body, case.path_parameters], default=str, sort_keys=True).encode())
    if number % 10 == 0:
        return
    if "rule_id" in case.path_parameters:
        case.path_parameters["rule_id"] = rules[number % len(rules)]
    if "service_id" in case.path_parameters:
        fixture = SEEDS[number % len(SEEDS)]
        case.path_parameters["service_id"] = f"mgcds-{fixture['hook']}"
        if isinstance(case.body, dict) and "hook" in case.body and number % 3:
            case.body |= {key: fixture[key] for key in ("hook", "context")}
            case.body |= {"prefetch": fixture["prefetch"]} if number % 4 else {}
            if number % 2:
                case.body.pop("fhirAuthorization", None)
        if isinstance(case.body, dict) and isinstance(case.body.get("feedback"), list) and number % 3:
            for entry in case.body["feedback"]:
                entry |= {"outcome": "overridden"}
                entry.pop("overrideReason", None)
