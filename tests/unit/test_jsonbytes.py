"""JSON as bytes."""

from __future__ import annotations

import json

import pytest

from mgcds.jsonbytes import dumped


@pytest.mark.parametrize("value", [{"a": [1, 0.5, None, True, "µ"]}, [], {"big": 2**70}, {"big": -(2**64), "µ": "x"}])
def test_what_is_written_reads_as_what_it_was(value: object) -> None:
    written = dumped(value)
    assert json.loads(written) == value
    assert b" " not in written
    assert "µ".encode() in written or "µ" not in str(value)


def test_a_number_that_json_does_not_have_is_never_written_as_a_name() -> None:
    assert dumped([float("nan")]) == b"[null]"
    with pytest.raises(ValueError, match="JSON"):
        dumped([float("nan"), 2**70])
