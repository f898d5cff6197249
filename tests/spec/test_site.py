"""What a site may change without editing rules: words, lengths, rules in the shadow or off, hooks, the unit that is first."""

from __future__ import annotations

from pathlib import Path

import pytest

from mgcds.cards import respond
from mgcds.engine import answers
from mgcds.engine.evaluate import Evaluation
from mgcds.engine.explain import explain
from mgcds.language.find import Latest
from mgcds.service.prefetch import templates
from tests.spec.mini import POLICY, Mini

APPROVED = "because: our laboratory says so\n    approved_by: head of the laboratory\n    on: 2026-05-04\n"
MAY = "[severely low, low, low-normal]"
VOCABULARY = """
serum_mg:
  latest: serum-magnesium
  as: mg/dL
  words:
    severely low: {{taken: within 90 days, below: 1.20 mg/dL}}
    low: {{taken: within 90 days, below: 1.70 mg/dL}}
    low-normal: {{taken: within 90 days, at_least: 1.70 mg/dL, below: 1.82 mg/dL}}
  source: expert
  site_may_change: {may}
potassium: {{latest: potassium, as: mmol/L}}
"""
RULE = """
triggers: [serum_mg]
when: [serum_mg: present]
level:
  critical: {serum_mg: severely low}
  warning: {serum_mg: low}
  info: {serum_mg: low-normal}
card:
  summary: "Magnesium {{ serum_mg }} with potassium {{ potassium }}."
"""
LOWER = """
site: General hospital
changes:
  serum_mg:
    low: {taken: within 90 days, below: 1.60 mg/dL}
    low-normal: {taken: within 90 days, at_least: 1.60 mg/dL, below: 1.82 mg/dL}
    """ + APPROVED  # fmt: skip
LAB = "- {lab: serum-magnesium, value: %s mg/dL}\n"


@pytest.fixture
def mg(mini: Mini) -> Mini:
    """One rule with three levels on the words of one question."""
    mini.write("vocabulary/spec.yaml", VOCABULARY.format(may=MAY))
    mini.rule(RULE, hooks="patient-view, order-sign")
    return mini


def rules(lines: str) -> str:
    return f"site: General hospital\nrules:\n{lines}"


def card_of(evaluation: Evaluation) -> str:
    (card,) = respond(evaluation, service_id="s", hook_instance="i", public_url="")["cards"]
    return f"{card['summary']}\n{card['detail']}"


def test_a_changed_word_holds_where_the_site_says(mg: Mini) -> None:
    values = ("1.59", "1.60", "1.69", "1.70")
    assert [mg.outcome(LAB % value) for value in values] == ["warning", "warning", "warning", "info"]
    mg.site(LOWER)
    assert [mg.outcome(LAB % value) for value in values] == ["warning", "info", "info", "info"]
    assert mg.outcome(LAB % "1.19") == "critical"  # words that the site leaves alone stay as they are


def test_explanations_and_cards_say_the_sites_limit(mg: Mini) -> None:
    evaluation = mg.site(LOWER).evaluate(LAB % "1.65")
    (found,) = explain(evaluation)
    assert any("is at least 1.6 mg/dL" in text for _, text, _ in found.lines)
    assert "serum magnesium at least 1.6 mg/dL, below 1.82 mg/dL, within 90 days (changed by the site)" in card_of(evaluation)
    assert "1.7 mg/dL" not in card_of(evaluation)
    assert "severely low" not in card_of(evaluation)


def test_a_length_may_change_where_the_vocabulary_allows_it(mini: Mini) -> None:
    trials = "{trials: antidepressants, dose_at_least: antidepressant-minimum-dose, lasting: at least 42 days, ended: within 730 days, source: expert"
    mini.write("vocabulary/spec.yaml", f"trials: {trials}, site_may_change: [lasting]}}\n")
    mini.rule("when: [trials: {at_least: 1 trials}]\nlevel: info\ncard: {summary: Tried.}\n", backs="trials.at_least")
    tried = "- {taking: sertraline, by: oral, dose: 50 mg, since: 28 days ago}"
    assert mini.outcome(tried) == "not-fired"
    mini.site("site: General hospital\nchanges:\n  trials:\n    lasting: at least 28 days\n    " + APPROVED)
    assert mini.outcome(tried) == "info"
    assert mini.outcome(tried.replace("28 days ago", "27 days ago")) == "not-fired"


def test_site_may_change_names_words_and_lengths_that_are_there(mini: Mini) -> None:
    mini.questions("serum_mg: {latest: serum-magnesium, as: mg/dL, site_may_change: [lo]}\n")
    assert any("site_may_change: 'lo' is no word or length of 'serum_mg'; it has none" in line for line in mini.problems())


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("low: {taken: within 90 days, below: 1.60 mg/dL}",
         "4:41: low is below 1.6 mg/dL, but low-normal is at least 1.7 mg/dL: what lies between has no word; change low-normal too"),
        ("low: {taken: within 90 days, below: 1.75 mg/dL}",
         "low is below 1.75 mg/dL, but low-normal is at least 1.7 mg/dL: what lies between has two words; change low-normal too"),
        ("low: {taken: within 90 days, at_most: 1.70 mg/dL}", "what lies between has two words; change low-normal too"),
        ("low-normal: {taken: within 90 days, at_least: 1.80 mg/dL, below: 1.82 mg/dL}", "has no word; change low too"),
        ("severely low: {taken: within 90 days, below: 1.71 mg/dL}",
         "severely low is below 1.71 mg/dL, but low is below 1.7 mg/dL: the vocabulary has them the other way round; change low too"),
        ("low-normal: {taken: within 90 days, at_least: 1.70 mg/dL, below: 1.60 mg/dL}", "low-normal: no number lies between these limits"),
        ("low: {taken: within 60 days, below: 1.70 mg/dL}", "low and low-normal no longer count results of the same age; change low-normal too"),
        ("low: {below: 1.70 mg/dL}", "4:5: low: the vocabulary also gives taken; write the word whole, give it too"),
        ("low: {taken: within 90 days}", "low: the vocabulary also gives an upper limit (below or at_most)"),
        ("low: {taken: within 90 days, above: 1.70 mg/dL}", "low: the vocabulary does not give a lower limit"),
        ("low: {taken: within 90 days, at_least: 1.00 mg/dL, below: 1.70 mg/dL}", "remove it"),
        ("low: {taken: within 90 days, below: 1.70 mg/dL, at_most: 1.70 mg/dL}", "is given twice; keep one"),
        ("low: {taken: at least 90 days ago, below: 1.70 mg/dL}", "low: 'at least 90 days ago' is another kind of span; write it like within 90 days"),
        ("low: {taken: within 90 days, below: severe}", "low: keep what it is compared with: 1.7 mg/dL"),
        ("low: {taken: within 90 days, below: 0.70 mmol/L}", "4:41: below: serum_mg is not in mmol/L; write it in mg/dL"),
        ("low: {taken: within 90 days, below: 1.70}", "'1.70' is not a quantity; write a number and a unit"),
        ("low: 1.60 mg/dL", "4:10: low: write tests here: below, at_most"),
        ("lo: {below: 1.60 mg/dL}", "4:5: serum_mg: a site may not change 'lo'; it may change severely low, low, low-normal"),
        ("as: mmol/L", "serum_mg: a site may not change 'as'"),
        ("latest: potassium", "serum_mg: a site may not change 'latest'"),
    ],
)  # fmt: skip
def test_a_change_that_would_not_fit_is_refused(mg: Mini, value: str, message: str) -> None:
    mg.site(f"site: General hospital\nchanges:\n  serum_mg:\n    {value}\n    {APPROVED}")
    assert any(message in line for line in mg.problems()), mg.problems()
    assert all(line.startswith("site.yaml:") for line in mg.problems())


def test_a_neighbour_that_the_vocabulary_fixes_keeps_the_limit(mg: Mini) -> None:
    mg.write("vocabulary/spec.yaml", VOCABULARY.format(may="[low]"))
    mg.site(f"site: A\nchanges:\n  serum_mg:\n    low: {{taken: within 90 days, below: 1.60 mg/dL}}\n    {APPROVED}")
    assert any("low-normal may not be changed, so this limit stays" in line for line in mg.problems())


def test_an_inclusive_limit_is_fine_where_the_neighbour_follows(mg: Mini) -> None:
    mg.site(LOWER.replace("below: 1.60", "at_most: 1.60").replace("at_least: 1.60", "above: 1.60"))
    assert mg.problems() == []
    assert [mg.outcome(LAB % value) for value in ("1.60", "1.61")] == ["warning", "info"]


MISTAKES = {
    "ex-amle: {state: off, %s}": "3:3: there is no rule 'ex-amle'; did you mean 'ex-ample'?",
    "ex-ample: {state: shaddow, %s}": "state: 'shaddow' is not one of 'active', 'shadow' or 'off'; choose one",
    "ex-ample: {state: {shadow: yes}, %s}": "is not one of 'active', 'shadow' or 'off'",
    "ex-ample: {stat: off, %s}": "'stat' is not a word this block knows; did you mean 'state'?",
    "ex-ample: shadow": "a block of keys and values belongs here; write it out",
    "ex-ample: {%s}": "nothing of ex-ample is changed; write state: shadow, state: off or hooks: [..]",
    "ex-ample: {hooks: [order-sign, medication-refill], %s}":
        "ex-ample does not answer medication-refill; choose among its own hooks: patient-view, order-sign",
    "ex-ample: {hooks: [patient-vew], %s}": "hooks: 'patient-vew' is not one of",
    "ex-ample: {hooks: [], %s}": "hooks: the list is empty; name at least one",
    "ex-ample: {state: off, approved_by: x, on: 2026-05-04}": "3:13: 'because' is missing; add it",
    "ex-ample: {state: off, because: x, on: 2026-05-04}": "'approved_by' is missing; add it",
    "ex-ample: {state: off, because: x, approved_by: y}": "'on' is missing; add it",
    "ex-ample: {state: off, because: x, approved_by: y, on: 2026-02-30}": "on: '2026-02-30' is not a day of the calendar; write it like 2026-01-31",
    "ex-ample: {state: off, because: '', approved_by: y, on: 2026-02-03}": "because: nothing stands here; write it out",
    "ex-ample: {state: off, state: off, %s}": "'state' is written twice; keep one",
}  # fmt: skip


@pytest.mark.parametrize("lines", MISTAKES)
def test_each_mistake_about_a_rule_has_a_place_a_cause_and_a_way_out(mg: Mini, lines: str) -> None:
    approved = "because: x, approved_by: y, on: 2026-05-04"
    mg.site(rules("  " + lines.replace("%s", approved) + "\n"))
    found = mg.problems()
    assert any(MISTAKES[lines] in line for line in found), found
    assert all(line.split(":")[1].isdigit() and line.split(":")[2].isdigit() for line in found)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "site.yaml:1:1: the file is empty; fill it, or delete it"),
        ("General hospital", "a site file starts with the site's name, like site: General hospital"),
        ("rules: {}", "'site' is missing; add it"),
        ("site: ''", "site: nothing stands here; write it out"),
        ("site: A\nrule: {}", "'rule' is not a word this block knows; did you mean 'rules'?"),
        ("site: A\nrules: [ex-ample]", "rules: a block of names belongs here"),
        ("site: A\nsite: B", "site.yaml:2:1: 'site' is written twice; keep one"),
        ("site: [", "check indentation, colons and quotes"),
        (f"site: A\nchanges:\n  serum:\n    {APPROVED}", "3:3: there is no shared question 'serum'; did you mean 'serum_mg'?"),
        (f"site: A\nchanges:\n  serum_mg:\n    {APPROVED}", "nothing of serum_mg is changed; name what is, or remove it"),
        (f"site: A\nchanges:\n  potassium:\n    low: {{below: 3.5 mmol/L}}\n    {APPROVED}", "it may change nothing of it"),
        (f"site: A\nprint_first:\n  serum-mg:\n    unit: mmol/L\n    {APPROVED}", "there is no concept 'serum-mg'"),
        (f"site: A\nprint_first:\n  serum-magnesium:\n    unit: mEq/L\n    {APPROVED}", "is printed in mg/dL or mmol/L, not in mEq/L"),
    ],
)  # fmt: skip
def test_each_mistake_of_the_file_has_a_place_a_cause_and_a_way_out(mg: Mini, text: str, message: str) -> None:
    found = mg.site(text).problems()
    assert any(message in line for line in found), found


def test_every_problem_is_reported_at_once(mg: Mini) -> None:
    mg.site(f"site: A\nnonsense: 1\nchanges:\n  serum_mg:\n    low: {{below: 1}}\n    {APPROVED}rules:\n  ex-x: {{state: off}}\n"
            f"  ex-y:\n    state: off\n    {APPROVED}print_first:\n  nothing:\n    unit: g\n    {APPROVED}")  # fmt: skip
    assert len(mg.problems()) >= 7
    lines = [int(line.split(":")[1]) for line in mg.problems()]
    assert lines == sorted(lines)


def test_a_retired_rule_needs_no_decision(mg: Mini) -> None:
    mg.rule(RULE.replace("Magnesium", "Old magnesium"), id="ex-old", hooks="patient-view, order-sign")
    file = mg.root / "examples/ex-old.yaml"
    file.write_text(file.read_text().replace("status: draft", "status: retired"))
    mg.site(rules(f"  ex-old:\n    state: shadow\n    {APPROVED}"))
    assert mg.problems() == ["site.yaml:3:3: 'ex-old' is retired and never evaluated; remove it"]


def test_a_rule_in_the_shadow_is_recorded_and_shows_no_card(mg: Mini) -> None:
    mg.site(rules(f"  ex-ample:\n    state: shadow\n    {APPROVED}"))
    evaluation = mg.evaluate(LAB % "1.5")
    answer = respond(evaluation, service_id="s", hook_instance="i", public_url="")
    assert answer["cards"] == []
    assert answer["extension"]["org.mgcds.evaluation"]["rules"] == {"ex-ample": {"state": "shadow"}}
    assert evaluation.outcomes["ex-ample"].level == "warning"
    assert "would be shown at warning" in explain(evaluation)[0].summary
    assert "our laboratory says so" in explain(evaluation)[0].summary
    assert mg.outcome(LAB % "1.9") == "not-fired"  # shadow says: would be shown
    assert mg.outcome("- {not_supplied: [magnesium]}") == "data-missing"


def test_a_rule_in_the_shadow_makes_no_check_incomplete(mg: Mini) -> None:
    missing = "- {not_supplied: [magnesium]}"
    mg.write("policy.yaml", POLICY.replace("at_most: 5,", "at_most: 5, incomplete_without: [magnesium],"))
    assert len(respond(mg.evaluate(missing), service_id="s", hook_instance="i", public_url="")["cards"]) == 1
    mg.site(rules(f"  ex-ample:\n    state: shadow\n    {APPROVED}"))
    assert respond(mg.evaluate(missing), service_id="s", hook_instance="i", public_url="")["cards"] == []


def test_a_fault_in_a_rule_in_the_shadow_makes_no_check_incomplete(mg: Mini, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ArithmeticError

    monkeypatch.setitem(answers._VERBS, Latest, broken)
    (card,) = respond(mg.evaluate(LAB % "1.5"), service_id="s", hook_instance="i", public_url="")["cards"]
    assert card["detail"] == "These rules could not be decided, for a fault of the service: An example."
    mg.site(rules(f"  ex-ample:\n    state: shadow\n    {APPROVED}"))
    assert respond(mg.evaluate(LAB % "1.5"), service_id="s", hook_instance="i", public_url="")["cards"] == []


@pytest.mark.parametrize(
    ("winner", "loser", "outcome"),
    [("shadow", "active", "fired"), ("active", "shadow", "superseded"), ("shadow", "shadow", "superseded"), ("off", "active", "fired")],
)  # fmt: skip
def test_a_rule_that_is_not_shown_takes_nobodys_place(mg: Mini, winner: str, loser: str, outcome: str) -> None:
    for name in ("ex-winner", "ex-loser"):
        mg.rule(RULE, id=name, hooks="patient-view, order-sign")
    mg.write("policy.yaml", POLICY + "supersede: {ex-winner: [ex-loser]}\n")
    lines = [
        f"  ex-{name}:\n    state: {state}\n    hooks: [patient-view]\n    {APPROVED}"
        for name, state in (("winner", winner), ("loser", loser))
    ]
    outcomes = mg.site(rules("".join(lines))).evaluate(LAB % "1.5").outcomes
    assert outcomes["ex-loser"].state == outcome
    assert outcomes["ex-winner"].state == {"active": "fired"}.get(winner, winner)


def test_a_rule_that_is_off_is_listed_but_not_evaluated_nor_asked_for(mg: Mini) -> None:
    library, _ = mg.build()
    evaluation = mg.evaluate(LAB % "1.5")
    assert library is not None
    assert "potassium" in templates(library, "patient-view", evaluation.chart)
    mg.rule("when: [serum_mg: present]\nlevel: info\ncard: {summary: Seen.}\n", id="ex-other")
    evaluation = mg.site(rules(f"  ex-ample:\n    state: off\n    {APPROVED}")).evaluate(LAB % "1.5")
    assert {key: outcome.state for key, outcome in evaluation.outcomes.items()} == {"ex-ample": "off", "ex-other": "fired"}
    assert list(evaluation.outcomes) == ["ex-ample", "ex-other"]
    assert "potassium" not in evaluation.answers
    assert "potassium" not in templates(evaluation.library, "patient-view", evaluation.chart)
    assert explain(evaluation, "ex-ample")[0].summary == "switched off by the site: our laboratory says so"


def test_a_rule_answers_only_the_hooks_that_the_site_leaves_it(mg: Mini) -> None:
    mg.site(rules(f"  ex-ample:\n    hooks: [order-sign]\n    {APPROVED}"))
    assert mg.evaluate(LAB % "1.5").outcomes == {}
    assert list(mg.evaluate(LAB % "1.5", "order-sign").outcomes) == ["ex-ample"]


def test_the_site_chooses_the_unit_that_stands_first(mg: Mini) -> None:
    assert "Magnesium 1.46 mg/dL (0.6 mmol/L) with" in card_of(mg.evaluate(LAB % "1.46"))
    mg.site(f"site: A\nprint_first:\n  serum-magnesium:\n    unit: mmol/L\n    {APPROVED}")
    assert "Magnesium 0.6 mmol/L (1.46 mg/dL) with" in card_of(mg.evaluate(LAB % "1.46"))


DETAIL = RULE + '  detail: "{{ mg-limit }} Low is below 1.7 mg/dL (0.7 mmol/L) here. It is above 11.7 mg/dL nowhere."\n'


def test_a_sentence_whose_number_is_no_longer_true_is_left_out_of_the_card(mg: Mini) -> None:
    mg.rule(DETAIL, hooks="patient-view, order-sign")
    assert "Low is below 1.7 mg/dL" in card_of(mg.evaluate(LAB % "1.5"))
    evaluation = mg.site(LOWER).evaluate(LAB % "1.5")
    text = card_of(evaluation)
    assert "A normal value does not exclude depletion. It is above 11.7 mg/dL nowhere." in text
    assert "Low is below" not in text
    assert evaluation.library.site is not None
    assert evaluation.library.site.left_out == (("ex-ample", "Low is below 1.7 mg/dL (0.7 mmol/L) here."),)


def test_a_shared_sentence_is_left_out_where_its_number_is_no_longer_true(mg: Mini) -> None:
    mg.write("policy.yaml", POLICY.replace("A normal value does not", "Even 1.7 mg/dL does not"))
    mg.rule(DETAIL, hooks="patient-view, order-sign")
    assert "Even 1.7 mg/dL does not exclude depletion." in card_of(mg.evaluate(LAB % "1.5"))
    assert "exclude depletion" not in card_of(mg.site(LOWER).evaluate(LAB % "1.5"))


def test_lists_and_sentences_that_become_empty_go_away(mg: Mini) -> None:
    more = ('  consider: ["Repeat it below 1.7 mg/dL.", Eat nuts.]\n'
            '  also:\n    - {if: {serum_mg: present}, say: "Here 1.70 mg/dL is not low."}\n')  # fmt: skip
    mg.rule(RULE + more, hooks="patient-view, order-sign")
    assert "1.70 mg/dL is not low" in card_of(mg.evaluate(LAB % "1.5"))
    text = card_of(mg.site(LOWER).evaluate(LAB % "1.5"))
    assert "- Eat nuts." in text
    assert "1.7" not in text


def test_a_summary_that_would_no_longer_be_true_refuses_the_change(mg: Mini) -> None:
    mg.rule(RULE.replace("Magnesium {{", "Below 1.7 mg/dL: {{"), hooks="patient-view, order-sign")
    assert any("the summary of ex-ample names a number that is changed here" in line for line in mg.site(LOWER).problems())


def test_a_card_that_prints_a_limit_follows_the_site(mg: Mini) -> None:
    mg.rule(RULE + '  detail: "Low is {{ low of serum_mg }} here."\n', hooks="patient-view, order-sign")
    assert "Low is below 1.7 mg/dL here." in card_of(mg.evaluate(LAB % "1.5"))
    assert "Low is below 1.6 mg/dL here." in card_of(mg.site(LOWER).evaluate(LAB % "1.5"))


@pytest.mark.parametrize("name", ["lo of serum_mg", "low of serum", "low of potassium"])
def test_a_limit_that_is_not_there_cannot_be_printed(mg: Mini, name: str) -> None:
    mg.rule(RULE + f'  detail: "Low is {{{{ {name} }}}} here."\n', hooks="patient-view, order-sign")
    assert any("has no word or length" in line for line in mg.problems())


def test_the_hash_covers_the_site_file(mg: Mini) -> None:
    def digest() -> str:
        library, _ = mg.build()
        assert library is not None
        return library.hash

    plain = digest()
    first = (mg.site(LOWER), digest())[1]
    second = (mg.site(LOWER.replace("our laboratory", "The laboratory")), digest())[1]
    assert len({plain, first, second}) == 3
    assert (mg.site(LOWER), digest())[1] == first


def test_a_site_file_that_is_not_there(mg: Mini) -> None:
    mg.site_file = Path("nowhere.yaml")
    assert mg.problems() == ["nowhere.yaml:1:1: the file cannot be read as UTF-8 text; check it is there"]
