"""Many patients at once: in their order, whatever core they were on, and none lost beside an unreadable one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from mgcds.cli import app
from mgcds.cores import on_every_core
from mgcds.requestfile import UnreadableFile, parts_of, patients_in
from tests.conftest import ROOT

REQUESTS = sorted((ROOT / "fhir_fixtures/requests").glob("*.json"))
BUNDLES = sorted((ROOT / "fhir_fixtures/patients").glob("*.json"))
DAY = ("--today", "2026-06-15")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_a_folder_gives_what_each_file_gives_alone_in_order(tmp_path: Path) -> None:
    for file in REQUESTS[:4]:
        (tmp_path / file.name).write_bytes(file.read_bytes())
    together = [json.loads(line) for line in run("evaluate", tmp_path, "--json", *DAY).stdout.splitlines()]
    assert together == [json.loads(run("evaluate", file, "--json", *DAY).stdout) for file in REQUESTS[:4]]


@pytest.mark.parametrize("files", [REQUESTS[:3], BUNDLES])
def test_each_line_of_an_ndjson_file_of_requests_or_bundles_is_a_patient(tmp_path: Path, files: list[Path]) -> None:
    lines = [json.dumps(json.loads(file.read_text(encoding="utf-8"))) for file in files]
    many = tmp_path / "many.ndjson"
    many.write_text("\n".join(lines), encoding="utf-8")
    together = [json.loads(line) for line in run("evaluate", many, "--json", *DAY).stdout.splitlines()]
    assert together == [json.loads(run("evaluate", file, "--json", *DAY).stdout) for file in files]
    assert json.loads(run("survey", tmp_path, "--json", *DAY).stdout)["."]["patients"] == len(files)


def test_an_ndjson_file_of_resources_is_one_patient(tmp_path: Path) -> None:
    bundle = json.loads(BUNDLES[0].read_text(encoding="utf-8"))
    export = tmp_path / "export.ndjson"
    export.write_text("\n".join(json.dumps(entry["resource"]) for entry in bundle["entry"]), encoding="utf-8")
    assert len(run("evaluate", tmp_path, "--json", *DAY).stdout.splitlines()) == 1


def test_a_line_ends_at_a_line_feed_and_at_no_other_separator(tmp_path: Path) -> None:
    bundle = json.loads(BUNDLES[0].read_text(encoding="utf-8"))
    bundle["entry"][0]["resource"]["text"] = {"status": "generated", "div": "<div>one\u2028two\x85three</div>"}
    (tmp_path / "one.ndjson").write_text(json.dumps(bundle, ensure_ascii=False) + "\r\n", encoding="utf-8")
    assert run("evaluate", tmp_path, "--json", *DAY).exit_code == 0


def test_the_lines_of_an_ndjson_file_are_divided_among_the_cores_and_read_as_the_file_is(tmp_path: Path) -> None:
    texts = [json.dumps(json.loads(file.read_text(encoding="utf-8")), ensure_ascii=False) for file in BUNDLES]
    many = tmp_path / "many.ndjson"
    many.write_text("\ufeff" + "\r\n\n".join(texts) + "\n \n", encoding="utf-8")
    parts = parts_of(many)
    assert [part.line for part in parts] == list(range(len(texts)))
    assert [value for part in parts for value in part.patients()] == patients_in(many)


@pytest.mark.parametrize("odd", ['{"resourceType": "Patient", "id": "1"}', "{", '"\udcff"'])
def test_an_ndjson_file_of_which_one_line_is_no_patient_is_not_divided(tmp_path: Path, odd: str) -> None:
    good = json.dumps(json.loads(BUNDLES[0].read_text(encoding="utf-8")))
    many = tmp_path / "many.ndjson"
    many.write_bytes(f"{good}\n{odd}\n".encode("utf-8", "surrogateescape"))
    assert [part.line for part in parts_of(many)] == [None]


def test_a_line_that_changed_meanwhile_is_named(tmp_path: Path) -> None:
    good = json.dumps(json.loads(BUNDLES[0].read_text(encoding="utf-8")))
    many = tmp_path / "many.ndjson"
    many.write_text(f"{good}\n{good}\n", encoding="utf-8")
    _, second = parts_of(many)
    many.write_text(good, encoding="utf-8")
    with pytest.raises(UnreadableFile, match="JSON"):
        second.patients()


def test_a_line_that_cannot_be_used_is_named_and_the_others_are_answered(tmp_path: Path) -> None:
    good = json.dumps(json.loads(REQUESTS[0].read_text(encoding="utf-8")))
    (tmp_path / "many.ndjson").write_text(f'{good}\n{{"hook": "no-such-hook", "context": {{}}}}\n{good}\n', encoding="utf-8")
    result = run("evaluate", tmp_path, "--json", *DAY)
    assert (result.exit_code, len(result.stdout.splitlines())) == (2, 2)
    assert "line 2" in result.stderr


def test_results_come_in_the_order_of_the_things() -> None:
    with on_every_core(lambda number: number * number, list(range(100))) as results:
        assert list(results) == [number * number for number in range(100)]


def test_a_fault_in_another_process_is_raised_here() -> None:
    with on_every_core(lambda number: 1 // number, [1, 0]) as results, pytest.raises(ZeroDivisionError):
        list(results)
