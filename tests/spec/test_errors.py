"""Errors to a rule author: a place, a cause and a way out; every problem of a file at once."""

from __future__ import annotations

import pytest

from tests.spec.mini import Mini

GOOD = "when:\n  - serum_mg: {below: 1.70 mg/dL}\nlevel: info\ncard: {summary: Seen.}\n"
VOCABULARY = """
serum_mg: {latest: serum-magnesium, as: mg/dL}
ppi: {taking: proton-pump-inhibitors}
"""


def errors(mini: Mini, body: str, vocabulary: str = VOCABULARY, **given: str) -> list[str]:
    mini.write("vocabulary/spec.yaml", vocabulary)
    given.setdefault("backs", "serum_mg.below")
    mini.rule(body, **given)
    return [problem for problem in mini.problems() if "nobody uses" not in problem]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("1.70 mg/dL", "0.70", "examples/ex-ample.yaml:9:23: below: '0.70' is not a quantity; write a number and a unit, like 0.70 mmol/L"),
        ("below", "belw", "examples/ex-ample.yaml:9:16: when: 'belw' is not a word this block knows; it knows below, at_most, above, at_least, taken, none_within"),
        ("{below: 1.70 mg/dL}", "{taken: within 90 mmol/L}", "examples/ex-ample.yaml:9:23: taken: 'within 90 mmol/L' is not a span; write it like within 90 days"),
        ("serum_mg", "serum", "examples/ex-ample.yaml:9:5: 'serum' is not looked up; found here: ppi, serum_mg"),
        ("1.70 mg/dL", "1.70 mmol/L", "examples/ex-ample.yaml:9:23: below: serum_mg is not in mmol/L; write it in mg/dL"),
        ("Seen.", '"{{ if serum_mg }}"', "a card prints, it does not decide: '{{ if serum_mg }}' is not a name or name.attribute"),
        ("Seen.", '"{{ pppi }}"', "examples/ex-ample.yaml:11:17: 'pppi' is not looked up; found here: ppi, serum_mg"),
        ("Seen.", '"{{ serum_mg.of }}"', "'serum_mg.of' cannot be printed; on, computed, names can"),
        ("Seen.", "Give MgSO4 now.", "write magnesium sulfate, never an abbreviation"),
        ("level: info", "level: urgent", "examples/ex-ample.yaml:10:8: level: 'urgent' is not a level; the levels are critical, warning, info"),
        ("level: info", "level: {info: {ppi: present}, critical: otherwise}", "critical stands below info; write the most severe level first"),
        ("level: info", "level: {warning: otherwise, info: {ppi: present}}", "nothing may follow otherwise; move this line above it"),
        ("serum_mg: {below: 1.70 mg/dL}", "serum_mg: lowish", "serum_mg: 'lowish' is not a word it knows; it knows present, absent, in focus, drafted"),
        ("level: info\n", "level: info\nlevel: warning\n", "examples/ex-ample.yaml:11:1: 'level' is written twice; keep one"),
        ("level: info\n", "level: info\nsuggestions: [x]\n", "'suggestions' is not a word this block knows"),
        ("card: {summary: Seen.}", "card: {sumary: Seen.}", "'summary' is missing; add it"),
        ("card: {summary: Seen.}", "card: {summary: Seen., suggest: [order: nothing]}", "there is no order 'nothing'; add it under orders/"),
        ("card: {summary: Seen.}", "card: {summary: Seen., override: [nothing]}", "'nothing' is no override reason; add it to reasons.yaml"),
        ("serum_mg: {below: 1.70 mg/dL}", "serum_mg: &here {below: 1.70 mg/dL}", "anchors and aliases are not allowed; write the value out"),
        ("serum_mg: {below: 1.70 mg/dL}", "serum_mg: !!python/none {}", "is not allowed"),
    ],
)  # fmt: skip
def test_each_mistake_has_a_place_a_cause_and_a_way_out(mini: Mini, old: str, new: str, message: str) -> None:
    found = errors(mini, GOOD.replace(old, new))
    assert any(message in line for line in found), found
    assert all(line.split(":")[1].isdigit() and line.split(":")[2].isdigit() for line in found)


REASONS = """not-applicable:
  display: Does not apply
  same_as: {system: "urn:standard", codes: [irrelevant, ineligible]}
patient-declined:
  display: The patient declined
  same_as: {system: "urn:standard", codes: [refuses]}
"""


def test_a_reason_names_the_standard_codes_that_are_counted_under_it(mini: Mini) -> None:
    mini.write("reasons.yaml", REASONS)
    assert errors(mini, GOOD) == []
    library, _ = mini.build()
    assert library is not None
    reasons = library.reasons
    assert reasons["not-applicable"].display == "Does not apply"
    assert reasons["not-applicable"].same_as == {("urn:standard", "irrelevant"), ("urn:standard", "ineligible")}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[refuses]", "[refuses, ineligible]", "reasons.yaml:6:54: 'ineligible' already stands for 'not-applicable'; keep one"),
        ("system", "sytem", "reasons.yaml:3:20: 'sytem' is not a word this block knows"),
        ("[refuses]", "[]", "reasons.yaml:6:44: codes: the list is empty; name at least one"),
        ("display: The patient declined", "text: x", "reasons.yaml:5:3: 'display' is missing; add it"),
        (REASONS, "not-applicable: [x]", "reasons.yaml:1:17: a block of keys and values belongs here; write it out"),
        (REASONS, "- not-applicable", "reasons.yaml:1:1: a block of keys and values belongs here"),
    ],
)
def test_a_mistake_in_a_reason_has_a_place_a_cause_and_a_way_out(mini: Mini, old: str, new: str, message: str) -> None:
    mini.write("reasons.yaml", REASONS.replace(old, new, 1))
    found = errors(mini, GOOD)
    assert any(message in line for line in found), found


def test_a_good_rule_has_no_problem(mini: Mini) -> None:
    assert errors(mini, GOOD) == []


def test_every_problem_of_a_file_is_reported_at_once_in_line_order(mini: Mini) -> None:
    body = "when:\n  - serum_mg: {below: 1.70}\n  - ppi: {at_least: two}\nlevel: urgent\ncard: {summry: Seen.}\n"
    lines = [int(line.split(":")[1]) for line in errors(mini, body)]
    assert len(lines) >= 4
    assert lines == sorted(lines)


def test_no_evidence_backs_a_number(mini: Mini) -> None:
    assert any("no evidence backs this number; add 'serum_mg.below' to an evidence entry's backs" in line
               for line in errors(mini, GOOD, backs="ppi"))  # fmt: skip


def test_backs_must_name_a_number_of_the_rule(mini: Mini) -> None:
    assert any(
        "'egfr.below' is no number of this rule" in line for line in errors(mini, GOOD, backs="serum_mg.below, egfr.below")
    )


def test_a_number_in_the_vocabulary_needs_a_source(mini: Mini) -> None:
    found = errors(mini, GOOD, VOCABULARY.replace("as: mg/dL", "as: mg/dL, words: {low: {below: 1.70 mg/dL}}"))
    assert any("'serum_mg' holds numbers and no source; add source: [..]" in line for line in found)


def test_a_rule_with_an_order_hook_names_triggers(mini: Mini) -> None:
    assert any("name the medicines under triggers" in line for line in errors(mini, GOOD, hooks="order-sign"))


def test_file_and_rule_have_one_name(mini: Mini) -> None:
    mini.rule(GOOD, backs="serum_mg.below")
    (mini.root / "examples/ex-ample.yaml").rename(mini.root / "examples/ex-other.yaml")
    mini.write("vocabulary/spec.yaml", "serum_mg: {latest: serum-magnesium, as: mg/dL}")
    assert any("the file is called ex-other.yaml; name file and rule alike" in line for line in mini.problems())


def test_a_question_or_word_that_nobody_uses_is_an_error(mini: Mini) -> None:
    mini.write("vocabulary/spec.yaml", VOCABULARY)
    mini.rule(GOOD, backs="serum_mg.below")
    assert mini.problems() == ["vocabulary/spec.yaml:2:1: nobody uses the question 'ppi'; remove it"]


def test_two_questions_with_one_meaning_are_an_error(mini: Mini) -> None:
    body = "find: {acid: {taking: proton-pump-inhibitors}}\n" + GOOD.replace(
        "level", "  - acid: present\n  - ppi: present\nlevel"
    )
    assert any("'acid' asks the same as 'ppi'; use that" in line for line in errors(mini, body))


def test_questions_may_not_go_in_a_circle(mini: Mini) -> None:
    vocabulary = VOCABULARY + "a: {first_that_holds: [x: {b: present}]}\nb: {first_that_holds: [x: {a: present}]}\n"
    found = errors(mini, GOOD.replace("level", "  - a: present\nlevel"), vocabulary)
    assert any("questions go in a circle: a -> b -> a; break it" in line for line in found)


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ("{latest: serum-magnesiun, as: mg/dL}", "'serum-magnesiun' is no concept"),
        ("{latest: serum-magnesium, as: mmol/L}", "'serum-magnesium' is kept in mg/dL; write as: mg/dL"),
        ("{taking: omeprazole, by: [mouth]}", "'mouth' is no route; the routes are"),
        ("{taking: omeprazole, not_by: [eyes]}", "'eyes' is no route"),
        ("{taking: ppis}", "'ppis' is no drug class and no ingredient"),
        ("{table: nothing, by: [age]}", "there is no table 'nothing'"),
        ("{taking: omeprazole, has: ckd-4}", "a question uses one verb"),
        ("{latest: ckd-4, as: mg/dL}", "'ckd-4' has no unit, so it is no result; ask `has` of it"),
        ("{booked: an-operation, due: within 7 days}", "'an-operation' is no concept"),
        (
            "{trials: antidepresants, dose_at_least: magnesium-ul, lasting: at least 42 days, ended: within 90 days}",
            "'antidepresants' is no drug class and no ingredient",
        ),
        ("{course: nothing}", "'nothing' is not looked up"),
        ("{taking: omeprazole, rout: [oral]}", "'rout' is not a word this block knows"),
    ],
)
def test_questions_are_checked_against_terminology_and_tables(mini: Mini, question: str, message: str) -> None:
    found = errors(mini, GOOD.replace("level", "  - other: present\nlevel"), VOCABULARY + f"other: {question}\n")
    assert any(message in line for line in found), found


def test_age_bands_of_a_table_leave_no_gap(mini: Mini) -> None:
    table = (mini.root / "tables/magnesium-ul.yaml").read_text()
    mini.write("tables/magnesium-ul.yaml", table.replace("4 to 8 years", "5 to 8 years"))
    mini.write("vocabulary/spec.yaml", VOCABULARY)
    mini.rule(GOOD, backs="serum_mg.below")
    assert any("'5 to 8 years' does not follow '1 to 3 years'" in line for line in mini.problems())


def test_of_two_rules_with_one_id_neither_replaces_the_other_unseen(mini: Mini) -> None:
    mini.write("vocabulary/spec.yaml", VOCABULARY)
    mini.rule(GOOD, backs="serum_mg.below")
    again = (mini.root / "examples/ex-ample.yaml").read_text()
    mini.write("others/ex-ample.yaml", again)
    assert any("the rule id 'ex-ample' is used twice; ids are for life" in line for line in mini.problems())


def test_a_source_in_a_state_that_nobody_knows_is_an_error(mini: Mini) -> None:
    path = mini.root / "sources.yaml"
    path.write_text(path.read_text() + "new: {citation: A paper., state: chekced}\n")
    assert any("'chekced' is no state" in line for line in errors(mini, GOOD))


def test_a_question_that_may_stay_undecided_is_never_called_absent(mini: Mini) -> None:
    vocabulary = VOCABULARY + "state: {first_that_holds: [low: {serum_mg: {below: 1.70 mg/dL}}]}\n"
    found = errors(mini, GOOD.replace("level", "  - state: absent\nlevel"), vocabulary)
    assert any("state may stay undecided; end its lines with a word: otherwise" in line for line in found), found


def test_a_policy_that_names_a_rule_that_does_not_exist_is_an_error(mini: Mini) -> None:
    policy = mini.root / "policy.yaml"
    policy.write_text(policy.read_text() + "supersede: {ex-ampel: [ex-ample]}\n")
    assert any("there is no rule 'ex-ampel'; correct the id" in line for line in errors(mini, GOOD))


def test_only_a_drug_that_is_taken_can_be_stopped(mini: Mini) -> None:
    card = "card: {summary: Seen., suggest: [stop: serum_mg]}"
    found = errors(mini, GOOD.replace("card: {summary: Seen.}", card))
    assert any("'serum_mg' is no question of taking" in line for line in found), found
