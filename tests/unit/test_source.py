"""Reading YAML: what a person wrote, and nothing that the parser adds."""

from __future__ import annotations

from mgcds.source import read_text


def test_a_folded_text_holds_only_what_was_written() -> None:
    assert read_text("a: >-\n  one\n  two\n\n  three\n", "x") == {"a": "one two\nthree"}
