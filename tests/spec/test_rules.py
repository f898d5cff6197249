"""What becomes of a rule: when, unless, level, triggers, and the policy afterwards."""

from __future__ import annotations

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


def test_triggers_put_order_hooks_into_focus(mini: Mini) -> None:
    rule(mini, "triggers: [ppi]\nwhen: [serum_mg: present]\nlevel: info\n", hooks="patient-view, order-select, order-sign")
    assert mini.outcome(LOW + "- {taking: omeprazole}") == "info"
    assert mini.outcome(LOW + "- {taking: omeprazole}\n- {draft: amoxicillin}", "order-sign") == "order-focus"
    assert mini.outcome(LOW + "- {draft: omeprazole}", "order-sign") == "info"
    assert mini.outcome(LOW + "- {draft: omeprazole}", "order-select") == "info"


def test_a_superseded_rule_names_its_winner_and_stays_away_where_that_is_suppressed(mini: Mini) -> None:
    rule(mini, "when: [serum_mg: present]\nlevel: info\n", id="ex-loser")
    rule(mini, "when: [serum_mg: {below: 1.70 mg/dL}]\nlevel: warning\n", id="ex-winner")
    mini.write("policy.yaml", POLICY + "supersede: {ex-winner: [ex-loser]}\n"
               "suppress: [{because: hospice care, reason: hospice, when: {hospice: present}, drop: [indicator warning]}]\n")  # fmt: skip
    evaluation = mini.evaluate(LOW + "- {has: hospice-care}")
    assert evaluation.outcomes["ex-winner"].reason == "hospice"
    assert (evaluation.outcomes["ex-loser"].state, evaluation.outcomes["ex-loser"].by) == ("superseded", "ex-winner")
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
