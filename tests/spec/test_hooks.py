"""What is at hand: the order that a pharmacist verifies, the problem that is being put on the list."""

from __future__ import annotations

import pytest

from tests.spec.mini import Mini

ASTHENIC = "triggers: [mg]\nfind:\n  mg: {taking: [magnesium], title: magnesium}\n  weak: {has: [myasthenia-gravis]}\n"
BODY = ASTHENIC + "when: [mg: present, weak: present]\nlevel: warning\ncard: {summary: Seen., detail: '{{ mg }} {{ weak }}'}\n"
HOOKS = "patient-view, medication-verify, problem-list-item-create"


@pytest.fixture
def mini_library(mini: Mini) -> Mini:
    mini.rule(BODY, hooks=HOOKS)
    assert mini.problems() == []
    return mini


def test_a_verified_order_is_the_order_at_hand(mini_library: Mini) -> None:
    weak = "- {has: myasthenia-gravis}\n"
    assert mini_library.outcome(weak + "- {draft: magnesium oxide, by: oral}", "medication-verify") == "warning"
    assert mini_library.outcome(weak + "- {taking: magnesium oxide, by: oral}", "medication-verify") == "order-focus"


def test_a_finding_must_rest_on_the_problem_that_is_being_added(mini_library: Mini) -> None:
    taking, hook = "- {taking: magnesium oxide, by: oral}\n", "problem-list-item-create"
    assert mini_library.outcome(taking + "- {adding: myasthenia-gravis}", hook) == "warning"
    assert mini_library.outcome(taking + "- {has: myasthenia-gravis}\n- {adding: aneurysm}", hook) == "order-focus"


def test_a_problem_that_is_being_added_counts_as_a_problem_everywhere_else(mini_library: Mini) -> None:
    assert mini_library.outcome("- {taking: magnesium oxide, by: oral}\n- {adding: myasthenia-gravis}") == "warning"
