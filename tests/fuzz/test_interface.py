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
from mgcds.language.rule import HOOKS
from mgcds.service.app import create_app
from mgcds.settings import Settings
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
    """The interface of the real application; ids of services are ours nearly always, or only 404 would be seen."""
    app = create_app(library, Settings(today=TODAY, rate_per_second=0))
    return schemathesis.openapi.from_asgi("/openapi.json", app)


def test_the_interface_is_as_described(described: Any, capsys: pytest.CaptureFixture[str]) -> None:
    operations = [result.ok() for result in described.get_all_operations()]
    assert {"POST /cds-services/{service_id}", "GET /cds-services"} <= {operation.label for operation in operations}
    statuses: Counter[int] = Counter()
    for operation in operations:
        statuses.clear()

        @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
        @given(operation.as_strategy())
        def calls(case: schemathesis.Case) -> None:
            _with_ids_of_ours(case)
            statuses[case.call_and_validate(checks=CHECKS).status_code] += 1

        calls()
        with capsys.disabled() if EXAMPLES > 60 else nullcontext():
            print(f"{operation.label}: {statuses.total():,} calls as described; by status {dict(sorted(statuses.items()))}")
        assert statuses


def _with_ids_of_ours(case: schemathesis.Case) -> None:
    if "service_id" not in case.path_parameters:
        return
    number = crc32(json.dumps(case.body, default=str, sort_keys=True).encode()) % (10 * len(HOOKS))
    if number >= len(HOOKS):
        hook = HOOKS[number % len(HOOKS)]
        case.path_parameters["service_id"] = f"mgcds-{hook}"
        if isinstance(case.body, dict) and "hook" in case.body and number % 3:
            case.body["hook"] = hook
