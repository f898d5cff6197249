"""The checker itself: every number is nudged, and a number that no case would miss is named."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mgcds.check.cases import read_cases
from mgcds.check.noticing import unnoticed
from mgcds.check.nudge import nudges
from mgcds.language.files import read_files
from mgcds.terminology import Terminology
from tests.conftest import RULES
from tests.spec.mini import Mini


def test_every_place_that_decides_is_nudged_up_and_down() -> None:
    found = {(nudge.file, str(nudge.old), nudge.new) for nudge in nudges(read_files(RULES))}
    expected = {
        ("vocabulary/magnesium.yaml", "1.70 mg/dL", "1.71 mg/dL"),
        ("vocabulary/magnesium.yaml", "1.70 mg/dL", "1.69 mg/dL"),
        ("vocabulary/magnesium.yaml", "within 90 days", "within 89 days"),
        ("vocabulary/magnesium.yaml", "below", "at_most"),
        ("vocabulary/magnesium.yaml", "2", "3"),
        ("vocabulary/depression.yaml", "at least 42 days", "at least 43 days"),
        ("magnesium/mg-low-ppi.yaml", "at_least", "above"),
        ("tables/magnesium-ul.yaml", "350 mg/day", "351 mg/day"),
        ("tables/magnesium-ul.yaml", "4 to 8 years", "4 to 9 years"),
        ("tables/magnesium-spacing.yaml", "0.5 h", "0.6 h"),
        ("tables/salts.yaml", "0.60304", "0.60305"),
        ("concepts/results.yaml", "2.4305", "2.4306"),
        ("concepts/results.yaml", "-1.2", "-1.3"),
        ("concepts/conditions.yaml", "90 days", "91 days"),
        ("policy.yaml", "90 days", "91 days"),
        ("policy.yaml", "30 days", "29 days"),
    }
    assert expected <= found


@pytest.mark.parametrize(
    ("place", "old", "new"),
    [
        ("find", "within 90 days", "within 91 days"),
        ("when", "1.70 mg/dL", "1.69 mg/dL"),
        ("unless", "40 years", "41 years"),
        ("level", "1.20 mg/dL", "1.21 mg/dL"),
        ("when", "below", "at_most"),
        ("find", "above", "at_least"),
        ("level", "at_most", "below"),
        ("unless", "at_least", "above"),
    ],
)
def test_a_rules_numbers_and_comparisons_are_nudged_in_every_part_of_it(tmp_path: Path, place: str, old: str, new: str) -> None:
    mini = Mini(tmp_path)
    mini.rule(
        "find: {count: {latest: serum-magnesium, words: {much: {above: 2.60 mg/dL, taken: within 90 days}}}}\n"
        "when: [serum_mg: {below: 1.70 mg/dL}]\nunless: [age: {at_least: 40 years}]\n"
        "level: [{info: {serum_mg: {at_most: 1.20 mg/dL}}}]\ncard: {summary: Seen.}\n"
    )
    path = mini.root / "examples/ex-ample.yaml"
    line = next(number for number, text in enumerate(path.read_text().splitlines(), 1) if text.startswith(f"{place}:"))
    found = {(nudge.old.place.line, str(nudge.old), nudge.new) for nudge in nudges(read_files(mini.root))}
    assert (line, old, new) in found


def test_prose_codes_versions_and_dates_are_left_alone() -> None:
    touched = {str(nudge.old) for nudge in nudges(read_files(RULES))}
    assert not touched & {"1.0.0", "2026-11-23", "19123-9", "30 to 44", "C-02"}


def test_a_number_that_no_case_would_miss_is_named(tmp_path: Path) -> None:
    rules = Path(shutil.copytree(RULES, tmp_path / "rules"))
    cases = rules / "magnesium/mg-duplicate.test.yaml"
    one_product = ("one product", "the same", "a refill", "topical", "esom")
    kept = [block for block in cases.read_text().split("  - case: ") if not block.startswith(one_product)]
    cases.write_text("  - case: ".join(kept))
    own = [file for file in read_cases(rules) if file.about == "mg-duplicate"]
    files = read_files(rules)
    of_this_rule = "magnesium/mg-duplicate.yaml"
    total, missed = unnoticed(files, Terminology.load(rules), own, only=lambda nudge: nudge.file == of_this_rule)
    assert total == 3
    assert [str(problem) for problem in missed] == [
        "magnesium/mg-duplicate.yaml:12:25: no case notices 2 products -> 1 products"
    ]
