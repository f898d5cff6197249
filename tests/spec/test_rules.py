"""What becomes of a rule: when, unless, level, triggers, and the policy afterwards."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mgcds.cards import respond
from tests.spec.mini import POLICY, Mini

QUESTIONS = """
serum_mg: {latest: serum-magnesium, as: mg/dL}
ppi: {taking: proton-pump-inhibitors}
ckd: {has: ckd-4}
hospice: {has: hospice-care}
"""
CARD = "card: {summary: Seen.}\n"
LOW = "- {lab: serum-magnesium, value: 1.5 mg/dL}\n"


def rule(mini: Mini, body: str, **given: str) -> None:
    mini.write("vocabulary/spec.yaml", QUESTIONS)
    mini.rule(body + CARD, **given)


def test_every_line_of_when_must_hold(mini: Mini) -> None:
    rule(mini, "when:\n  - serum_mg: {below: 1.70 mg/dL}\n  - ppi: present\nlevel: warning\n")
    assert mini.outcome(LOW + "- {taking: omeprazole}") == "warning"
    assert mini.outcome(LOW) == "not-fired"


def test_a_line_that_is_not_known_is_not_evaluable_unless_another_says_no(mini: Mini) -> None:
    rule(mini, "when:\n  - serum_mg: {below: 1.70 mg/dL}\n  - ppi: present\nlevel: warning\n")
    assert mini.outcome(LOW + "- {not_supplied: [medications]}") == "data-missing"
    assert mini.outcome("- {not_supplied: [medications]}") == "not-fired"


def test_unless_silences_when_it_holds_and_not_when_it_is_not_known(mini: Mini) -> None:
    rule(mini, "when: [serum_mg: {below: 1.70 mg/dL}]\nunless: [ckd: present]\nlevel: info\n")
    assert mini.outcome(LOW) == "info"
    assert mini.outcome(LOW + "- {has: ckd-4}") == "not-fired"
    assert mini.outcome(LOW + "- {not_supplied: [conditions]}") == "info"
    assert mini.evaluate(LOW + "- {not_supplied: [conditions]}").findings[0].missing == ("ckd",)


def test_an_exception_that_is_surely_not_met_leaves_nothing_to_be_named_as_missing(mini: Mini) -> None:
    rule(mini, "when: [serum_mg: present]\nunless: [all: [ckd: present, ppi: present]]\nlevel: info\n")
    assert mini.evaluate(LOW + "- {not_supplied: [medications]}").findings[0].missing == ()
    assert mini.evaluate(LOW + "- {has: ckd-4}\n- {not_supplied: [medications]}").findings[0].missing == ("ppi",)


@pytest.mark.parametrize(
    ("table", "lacking"),
    [("magnesium-ul, by: [age]", "patient"), ("magnesium-rda, by: [age, sex, life-stage]", "conditions, patient")],
)
def test_the_check_is_incomplete_without_what_a_table_looks_at(mini: Mini, table: str, lacking: str) -> None:
    mini.write("policy.yaml", POLICY.replace("at_most: 5,", "at_most: 5, incomplete_without: [patient, conditions],"))
    mini.rule(f"find:\n  limit: {{table: {table}}}\nwhen: [limit: present]\nlevel: info\n" + CARD)
    said = respond(mini.evaluate("- {not_supplied: [patient, conditions]}\n- {patient: unknown}"),
                   service_id="s", hook_instance="i", public_url="")  # fmt: skip
    assert said["cards"][0]["summary"] == f"Nutrient check incomplete ({lacking}): absence of an alert is not reassurance."


def test_the_first_level_that_holds_and_none_means_silence(mini: Mini) -> None:
    rule(
        mini,
        "when: [serum_mg: present]\nlevel:\n  critical: {serum_mg: {below: 1.20 mg/dL}}\n  info: {serum_mg: {below: 1.70 mg/dL}}\n",
    )
    lines = "- {lab: serum-magnesium, value: %s mg/dL}"
    assert [mini.outcome(lines % value) for value in ("1.19", "1.20", "1.70")] == ["critical", "info", "not-fired"]


def test_a_level_that_is_not_known_is_passed_over_and_named(mini: Mini) -> None:
    rule(mini, "when: [serum_mg: present]\nlevel:\n  critical: {ckd: present}\n  info: otherwise\n")
    finding = mini.evaluate(LOW + "- {not_supplied: [conditions]}").findings[0]
    assert (finding.level, finding.missing) == ("info", ("ckd",))


def test_a_level_that_surely_does_not_apply_leaves_nothing_to_be_named_as_missing(mini: Mini) -> None:
    rule(mini, "when: [serum_mg: present]\nlevel:\n  critical: {all: [ckd: present, ppi: present]}\n  info: otherwise\n")
    assert mini.evaluate(LOW + "- {not_supplied: [medications]}").findings[0].missing == ()
    assert mini.evaluate(LOW + "- {has: ckd-4}\n- {not_supplied: [medications]}").findings[0].missing == ("ppi",)


def test_what_a_word_passed_over_is_named_where_a_level_leans_on_the_word(mini: Mini) -> None:
    state = "state:\n  first_that_holds:\n    - low: {serum_mg: {below: 1.70 mg/dL}}\n    - kidneys: {ckd: present}\n  source: expert\n"
    mini.write("vocabulary/spec.yaml", QUESTIONS + state)
    mini.rule("when: [ppi: present]\nlevel:\n  warning: {state: kidneys}\n  info: otherwise\n" + CARD)
    lines = "- {taking: omeprazole}\n- {not_supplied: [magnesium]}\n"
    finding = mini.evaluate(lines + "- {has: ckd-4}").findings[0]
    assert (finding.level, finding.missing) == ("warning", ("serum_mg",))
    assert "serum_mg" in mini.evaluate(lines).findings[0].missing


def test_triggers_put_order_hooks_into_focus(mini: Mini) -> None:
    rule(mini, "triggers: [ppi]\nwhen: [serum_mg: present]\nlevel: info\n", hooks="patient-view, order-select, order-sign")
    assert mini.outcome(LOW + "- {taking: omeprazole}") == "info"
    assert mini.outcome(LOW + "- {taking: omeprazole}\n- {draft: amoxicillin}", "order-sign") == "order-focus"
    assert mini.outcome(LOW + "- {draft: omeprazole}", "order-sign") == "info"
    assert mini.outcome(LOW + "- {draft: omeprazole}", "order-select") == "info"


def test_a_word_is_in_focus_where_what_it_rests_on_is(mini: Mini) -> None:
    state = "state:\n  first_that_holds:\n    - treated: {all: [ppi: present, serum_mg: present]}\n"
    mini.write("vocabulary/spec.yaml", QUESTIONS + state)
    mini.rule("triggers: [state]\nwhen: [state: in focus]\nlevel: info\n" + CARD, hooks="patient-view, order-sign")
    assert mini.outcome(LOW + "- {draft: omeprazole}", "order-sign") == "info"
    assert mini.outcome(LOW + "- {taking: omeprazole}", "order-sign") == "not-fired"
    mini.rule("triggers: [state]\nwhen: [state: treated]\nlevel: info\n" + CARD, hooks="patient-view, order-sign")
    assert mini.outcome(LOW + "- {draft: omeprazole}", "order-sign") == "info"
    assert mini.outcome(LOW + "- {taking: omeprazole}", "order-sign") == "order-focus"


def test_a_superseded_rule_names_its_winner_and_stays_away_where_that_is_suppressed(mini: Mini) -> None:
    rule(mini, "when: [serum_mg: present]\nlevel: info\n", id="ex-loser")
    rule(mini, "when: [serum_mg: {below: 1.70 mg/dL}]\nlevel: warning\n", id="ex-winner")
    mini.write("policy.yaml", POLICY + "supersede: {ex-winner: [ex-loser]}\n"
               "suppress: [{because: hospice care, reason: hospice, when: {hospice: present}, drop: [indicator warning]}]\n")  # fmt: skip
    evaluation = mini.evaluate(LOW + "- {has: hospice-care}")
    assert evaluation.outcomes["ex-winner"].reason == "hospice"
    assert (evaluation.outcomes["ex-loser"].state, evaluation.outcomes["ex-loser"].by) == ("superseded", "ex-winner")
    assert evaluation.outcomes["ex-loser"].because == "ex-winner says it already"
    assert evaluation.findings == ()


def test_a_rule_that_is_superseded_itself_supersedes_nobody(mini: Mini) -> None:
    for name in ("ex-first", "ex-second", "ex-third"):
        rule(mini, "when: [serum_mg: present]\nlevel: info\n", id=name)
    mini.write("policy.yaml", POLICY + "supersede: {ex-first: [ex-second], ex-second: [ex-third]}\n")
    outcomes = mini.evaluate(LOW).outcomes
    assert [outcomes[name].state for name in ("ex-first", "ex-second", "ex-third")] == ["fired", "superseded", "fired"]


def test_supersede_may_depend_on_the_winners_level(mini: Mini) -> None:
    rule(mini, "when: [serum_mg: present]\nlevel: info\n", id="ex-loser")
    rule(mini, "when: [serum_mg: present]\nlevel:\n  warning: {ckd: present}\n  info: otherwise\n", id="ex-winner")
    mini.write("policy.yaml", POLICY + "supersede: {ex-winner at warning: [ex-loser]}\n")
    assert mini.outcome(LOW, rule="ex-loser") == "info"
    assert mini.outcome(LOW + "- {has: ckd-4}", rule="ex-loser") == "superseded"


def test_suppress_drops_a_group_and_keeps_what_it_names(mini: Mini) -> None:
    rule(mini, "when: [serum_mg: present]\nlevel: info\n", id="ex-one")
    rule(mini, "when: [serum_mg: present]\nlevel: info\n", id="ex-two")
    mini.write("policy.yaml", POLICY + "suppress: [{because: kidneys, reason: dialysis, when: {ckd: present}, "
               "drop: [group other], keep: [ex-two]}]\n")  # fmt: skip
    evaluation = mini.evaluate(LOW + "- {has: ckd-4}")
    assert {key: outcome.state for key, outcome in evaluation.outcomes.items()} == {"ex-one": "suppressed", "ex-two": "fired"}


def test_interruptive_is_what_the_policy_says_of_level_and_hook(mini: Mini) -> None:
    rule(mini, "triggers: [ppi]\nwhen: [serum_mg: present]\nlevel: critical\n", hooks="patient-view, order-sign")
    assert mini.evaluate(LOW + "- {draft: omeprazole}", "order-sign").findings[0].interruptive
    assert not mini.evaluate(LOW + "- {taking: omeprazole}").findings[0].interruptive


REMEMBER = POLICY + "remember: {info: 90 days, warning: 30 days, critical: never}\n"
LEVELS = "when: [serum_mg: present]\nlevel:\n  critical: {serum_mg: {below: 1.20 mg/dL}}\n  warning: {serum_mg: {below: 1.50 mg/dL}}\n  info: otherwise\n"
BY_LEVEL = {"critical": "1.0", "warning": "1.4", "info": "1.6"}


@pytest.mark.parametrize(
    ("overridden", "now", "last_silent_day"),
    [
        ("info", "info", 90),
        ("warning", "warning", 30),
        ("critical", "critical", None),
        ("warning", "info", 30),  # counted by what was overridden
        ("info", "warning", None),  # worse now: shown again
        ("warning", "critical", None),
        ("critical", "info", None),
    ],
)
def test_an_override_silences_its_rule_for_the_days_of_its_indicator(
    mini: Mini, overridden: str, now: str, last_silent_day: int | None
) -> None:
    rule(mini, LEVELS)
    mini.write("policy.yaml", REMEMBER)
    chart = f"- {{lab: serum-magnesium, value: {BY_LEVEL[now]} mg/dL}}"
    for days in (0, 30, 31, 90, 91):
        silent = last_silent_day is not None and days <= last_silent_day
        past = f"[{{rule: ex-ample, at: {overridden}, on: {days} days ago}}]"
        assert mini.outcome(chart, overridden=past) == ("overridden" if silent else now), days


def test_an_override_says_when_it_was_and_the_newest_counts(mini: Mini) -> None:
    rule(mini, LEVELS)
    mini.write("policy.yaml", REMEMBER)
    past = "[{rule: ex-ample, at: warning, on: 20 days ago}, {rule: ex-ample, at: warning, on: 5 days ago}]"
    evaluation = mini.evaluate("- {lab: serum-magnesium, value: 1.4 mg/dL}", overridden=past)
    outcome = evaluation.outcomes["ex-ample"]
    five_days_ago = evaluation.chart.today - timedelta(days=5)
    assert (outcome.state, outcome.because) == ("suppressed", f"overridden on {five_days_ago.isoformat()}")
    assert evaluation.findings == ()


def test_an_override_counts_for_its_own_rule_and_not_before_it_was_given(mini: Mini) -> None:
    rule(mini, LEVELS)
    rule(mini, LEVELS, id="ex-other")
    mini.write("policy.yaml", REMEMBER)
    chart = "- {lab: serum-magnesium, value: 1.4 mg/dL}"
    past = "[{rule: ex-other, at: warning, on: today}]"
    assert mini.outcome(chart, overridden=past) == "warning"
    assert mini.outcome(chart, overridden=past, rule="ex-other") == "overridden"
    assert mini.outcome(chart, overridden="[{rule: ex-ample, at: warning, on: in 1 day}]") == "warning"


def test_without_remember_nothing_is_remembered(mini: Mini) -> None:
    rule(mini, LEVELS)
    past = "[{rule: ex-ample, at: info, on: today}]"
    assert mini.outcome("- {lab: serum-magnesium, value: 1.6 mg/dL}", overridden=past) == "info"


def test_what_is_suppressed_before_keeps_its_own_reason(mini: Mini) -> None:
    rule(mini, "when: [serum_mg: present]\nlevel: info\n")
    mini.write("policy.yaml", REMEMBER + "suppress: [{because: hospice care, reason: hospice, when: {hospice: present}, "
               "drop: [indicator info]}]\n")  # fmt: skip
    past = "[{rule: ex-ample, at: info, on: today}]"
    assert mini.outcome(LOW + "- {has: hospice-care}", overridden=past) == "hospice"
    assert mini.outcome(LOW, overridden=past) == "overridden"


def test_the_lengths_of_memory_are_days_or_never(mini: Mini) -> None:
    rule(mini, LEVELS)
    mini.write("policy.yaml", POLICY + "remember: {info: 90, warning: never, nonsense: 3 days}\n")
    found = "\n".join(mini.problems())
    assert "'90' is not a length of time; write it like 90 days" in found
    assert "nonsense" in found
    assert "never" not in found


ASKING = "find:\n  low: {lowest: serum-magnesium, as: mg/dL, taken: %s}\n  earlier: {taking: omeprazole, started: at least 1 day before low}\n"
ASKED = "when: [low: {below: 1.70 mg/dL}, earlier: present]\nlevel: info\n"


def test_what_rules_ask_by_the_same_name_in_the_same_words_is_asked_once(mini: Mini) -> None:
    for name in ("ex-ample", "ex-other"):
        rule(mini, ASKING % "within 90 days" + ASKED, id=name)
    evaluation = mini.evaluate(LOW + "- {taking: omeprazole, since: 200 days ago}")
    assert set(evaluation.answers) == {"ex-ample/low", "ex-ample/earlier"}
    assert [finding.rule.id for finding in evaluation.findings] == ["ex-ample", "ex-other"]
    assert evaluation.findings[0].because == evaluation.findings[1].because


def test_a_question_about_something_else_is_another_though_its_own_words_are_the_same(mini: Mini) -> None:
    rule(mini, ASKING % "within 90 days" + ASKED, id="ex-ample")
    rule(mini, ASKING % "within 1 day" + ASKED, id="ex-other")
    evaluation = mini.evaluate(
        "- {lab: serum-magnesium, value: 1.5 mg/dL, taken: 30 days ago}\n- {taking: omeprazole, since: 200 days ago}"
    )
    assert len(evaluation.answers) == 4
    assert [finding.rule.id for finding in evaluation.findings] == ["ex-ample"]
