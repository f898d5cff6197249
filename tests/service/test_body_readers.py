"""The fast readers of a body and the strict one never differ: the same value, or no value."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mgcds.service import body
from mgcds.service.body import parse
from mgcds.service.errors import Refused
from tests.conftest import ROOT
from tests.service.test_body import BAD

LEAVES = (
    st.none() | st.booleans() | st.integers(-(10**25), 10**25) | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=30)
WRITTEN = st.sampled_from([{}, {"separators": (",", ":")}, {"indent": 1}, {"separators": (",", ":"), "ensure_ascii": False}])


def outcome(read: Any, sent: bytes) -> Any:
    try:
        return "read", repr(read(sent))
    except Refused:
        return "refused", ""


def strictly(sent: bytes) -> Any:
    value = body._strict(sent)
    if not isinstance(value, dict) or body._deeper_than(value, body.MOST_DEPTH):
        raise Refused(400, "structure", "")
    return value


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.text(), VALUES), WRITTEN)
def test_any_object_however_written(value: dict[str, Any], written: dict[str, Any]) -> None:
    sent = json.dumps(value, **written).encode("utf-8", "surrogatepass")
    assert outcome(parse, sent) == outcome(strictly, sent)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.text(), VALUES, min_size=1), st.data())
def test_a_key_written_twice_anywhere_is_refused(value: dict[str, Any], data: st.DataObject) -> None:
    key = json.dumps(data.draw(st.sampled_from(sorted(value))))
    inner = json.dumps(value, separators=(",", ":"))
    twice = f"{inner[:-1]},{key}:{json.dumps(data.draw(VALUES))}}}"
    for sent in (twice, f'{{"a":[{twice}]}}', json.dumps({"b": 1})[:-1] + f', "a": {twice}}}'):
        with pytest.raises(Refused):
            parse(sent.encode())


@pytest.mark.parametrize("case", sorted(BAD))
def test_bad_bodies(case: str) -> None:
    assert outcome(parse, BAD[case]) == outcome(strictly, BAD[case]) == ("refused", "")


@pytest.mark.parametrize(
    "sent",
    ['{"a":1.70}', '{"a":1E5}', '{"a":12345678901234567890123}', '{"a":-0}', '{"a":-0.0}', r'{"a":"\u00e9\/"}', ' {"a" : 1 } ',
     '{"a":"]]]]"}', '{"a":"[[[[["}', '{"a":{"a":{"a":1}}}', '{"":1}', r'{"\u0061":1,"b":1}', '{"a":0.1e-400}'],
)  # fmt: skip
def test_spellings_that_the_fast_reader_would_write_otherwise(sent: str) -> None:
    assert outcome(parse, sent.encode()) == outcome(strictly, sent.encode())
    assert outcome(parse, sent.encode())[0] == "read"


def test_the_fixtures_in_every_spelling() -> None:
    for file in sorted((ROOT / "fhir_fixtures/requests").glob("*.json")):
        value = json.loads(file.read_bytes())
        for written in ({}, {"separators": (",", ":")}, {"indent": 2}):
            assert parse(json.dumps(value, **written).encode()) == value
