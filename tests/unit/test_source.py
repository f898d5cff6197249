"""Reading YAML: what a person wrote, and nothing that the parser adds."""

from __future__ import annotations

import pytest

from mgcds.source import SourceError, read_text, scalars


def test_a_folded_text_holds_only_what_was_written() -> None:
    assert read_text("a: >-\n  one\n  two\n\n  three\n", "x") == {"a": "one two\nthree"}


def test_words_stay_what_was_written() -> None:
    assert read_text("on: yes\nat: 12:30\nlevel: 0.70\nnothing: ~\n", "x") == {
        "on": "yes", "at": "12:30", "level": "0.70", "nothing": "~"
    }  # fmt: skip


def test_every_value_knows_its_place() -> None:
    value = read_text("a: 1\nb:\n  - c: {d: e}\n", "x")
    assert [str(text.place) for text in scalars(value)] == ["x:1:4", "x:3:12"]
    assert str(value["b"].place) == "x:3:3"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "x:1:1: the file is empty"),
        ("# nothing\n", "x:1:1: the file is empty"),
        ("a: 1\na: 2\n", "x:2:1: 'a' is written twice"),
        ("a: &b 1\n", "x:1:4: anchors and aliases are not allowed"),
        ("a: *b\n", "x:1:4: anchors and aliases are not allowed"),
        ("a: !b 1\n", "x:1:4: the tag !b is not allowed"),
        ("? [a]\n: 1\n", "x:1:3: a name must be a single word"),
        ("---\na: 1\n---\nb: 2\n", "x:3:1: a file holds one document"),
        ("a:\n\t- b\n", "x:2:1: found character that cannot start any token"),
        ("a: \x01\n", "x:1:1: the file holds a character that YAML does not allow"),
        ("[" * 3000, "x:1:1: the file is nested too deeply"),
    ],
)
def test_what_is_not_plain_data_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(SourceError) as caught:
        read_text(text, "x")
    assert str(caught.value).startswith(message)
