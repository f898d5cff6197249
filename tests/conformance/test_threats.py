"""Each threat to the service, in our own words, and the tests that show what is done about it."""

from __future__ import annotations

import re
import tomllib

import pytest

from tests.conformance.rows import Shown, missing
from tests.conftest import ROOT

SPEC = ROOT.parent / "shared/spec/security.md"
SERVICE = "tests/service/"
THREATS: dict[str, tuple[str, Shown]] = {
    "S1": (
        "a token is signed in a way that proves nothing",
        {
            SERVICE + "test_tokens.py": ("test_every_other_token_is_refused_alike", "test_there_is_a_test_for_every_cause"),
            SERVICE + "test_key_sets.py": ("test_keys_are_bound_to_their_type_and_curve",
                                           "test_a_key_that_must_not_verify_is_left_out_and_the_others_stay"),
        },
    ),
    "S2": (
        "a token says itself where its key is",
        {
            SERVICE + "test_tokens.py": ("test_an_address_in_a_token_is_compared_and_never_fetched",
                                         "test_nothing_is_fetched_for_a_token_that_is_refused_anyhow"),
            SERVICE + "test_key_sets.py": ("test_addresses_inside_the_house_are_refused", "test_a_redirect_is_not_followed",
                                           "test_an_address_that_misbehaves_is_given_up",
                                           "test_an_address_that_is_down_is_not_asked_by_every_call",
                                           "test_the_name_is_asked_once_and_the_connection_goes_to_what_was_checked"),
        },
    ),
    "S3": (
        "a token is used again",
        {
            SERVICE + "test_tokens.py": ("test_a_token_opens_the_door_once",
                                         "test_a_token_is_known_to_another_worker_and_after_a_restart",
                                         "test_without_its_memory_of_tokens_the_door_stays_shut"),
            SERVICE + "test_store_fails.py": ("test_spent_tokens_stay_spent_when_the_process_is_killed",),
        },
    ),
    "S4": (
        "a token is old, too young, for somebody else or of a stranger",
        {
            SERVICE + "test_tokens.py": ("test_every_address_takes_tokens_made_out_to_itself_and_no_other",
                                         "test_every_other_token_is_refused_alike"),
        },
    ),
    "S5": (
        "the address of the FHIR server leads elsewhere, and a token with it",
        {
            SERVICE + "test_fetch_origins.py": ("test_a_server_that_is_not_listed_is_not_contacted",
                                                "test_which_network_addresses_are_connected_to",
                                                "test_the_address_that_was_checked_is_the_one_connected_to",
                                                "test_one_bad_address_among_good_ones_spoils_the_name"),
            SERVICE + "test_fetch_pages.py": ("test_a_page_on_another_server_is_not_asked_for",),
            SERVICE + "test_fetch_faults.py": ("test_no_redirect_is_followed",),
        },
    ),
    "S6": (
        "a body is made to take memory or time",
        {
            SERVICE + "test_body.py": ("test_a_bad_body_is_400", "test_a_compressed_body_is_415",
                                       "test_a_body_that_is_announced_too_long_is_413", "test_a_body_is_counted_while_it_comes"),
            SERVICE + "test_head.py": ("test_a_request_with_too_many_entries_is_413",),
        },
    ),
    "S7": (
        "JSON that two readers understand differently",
        {
            SERVICE + "test_body.py": ("test_a_bad_body_is_400", "test_numbers_keep_what_was_written"),
            SERVICE + "test_body_readers.py": ("test_a_key_written_twice_anywhere_is_refused", "test_bad_bodies"),
        },
    ),
    "S8": (
        "what stands in a chart leaves by a log, a metric, a trace or an error",
        {
            SERVICE + "test_leaks.py": ("test_a_canary_in_any_one_text_of_a_request_is_found_nowhere_but_in_cards",
                                        "test_a_canary_in_any_one_text_of_feedback_is_found_nowhere",
                                        "test_an_unexpected_failure_is_500_and_logs_its_type_only"),
            "tests/fuzz/test_requests.py": ("test_no_mutated_request_breaks_the_service",),
        },
    ),
    "S9": (
        "words of a chart act as markup on a card",
        {
            SERVICE + "test_controls.py": ("test_a_hostile_name_on_a_card_is_plain_text",),
            "tests/unit/cards/test_cards.py": ("test_names_from_a_chart_are_harmless",
                                               "test_addresses_in_a_chart_do_not_become_links"),
        },
    ),
    "S10": (
        "a text of a rule computes, or silently says nothing",
        {"tests/spec/test_errors.py": ("test_each_mistake_has_a_place_a_cause_and_a_way_out",)},
    ),
    "S11": (
        "a rule file explodes, or means something else than it says",
        {"tests/unit/test_source.py": ("test_what_is_not_plain_data_is_refused_with_its_place",
                                       "test_words_stay_what_was_written")},
    ),
    "S12": (
        "a new library is bad, or comes in halves",
        {SERVICE + "test_reload.py": ("test_every_worker_takes_a_changed_library_and_keeps_its_own_while_a_new_one_is_bad",
                                      "test_a_library_whose_own_cases_fail_is_refused")},
    ),
    "S13": (
        "a page in a browser asks in the name of its reader",
        {SERVICE + "test_cors.py": ("test_without_named_origins_no_answer_is_for_browsers",
                                    "test_another_origin_method_or_header_is_refused_with_an_outcome")},
    ),
    "S14": (
        "one caller, or one chart, takes the service from the others",
        {
            SERVICE + "test_admission.py": ("test_too_many_calls_a_second_are_429_and_the_next_second_is_another",
                                            "test_issuers_do_not_take_from_each_other"),
            SERVICE + "test_connection.py": ("test_a_call_beyond_the_places_is_503_and_says_when_to_call_again",),
            SERVICE + "test_broken_question.py": (
                "test_a_chart_that_takes_too_long_costs_the_rules_whose_questions_come_last",
            ),
        },
    ),
    "S15": (
        "feedback is invented, or sent twice",
        {SERVICE + "test_feedback.py": ("test_another_issuer_or_tenant_neither_answers_our_cards_nor_is_silenced",
                                        "test_a_card_that_is_not_known_is_no_error_and_costs_the_others_nothing",
                                        "test_a_batch_of_many_cards_and_repeats_is_taken")},
    ),
    "S16": (
        "a package or a rule is not the one that was tested",
        {
            "tests/conformance/test_threats.py": ("test_every_package_is_locked_by_its_hash",),
            "tests/deploy/test_machine.py": (
                "test_the_list_of_packages_names_every_dependency_of_the_service_and_none_of_the_tests",
            ),
            SERVICE + "test_reload.py": ("test_a_library_whose_own_cases_fail_is_refused",),
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("threat", THREATS)
def test_each_threat_has_tests_that_exist(threat: str) -> None:
    _, tests = THREATS[threat]
    assert tests
    assert missing(tests) == []


@pytest.mark.skipif(not SPEC.is_file(), reason="the list of threats is not beside the project")
def test_the_threats_are_those_of_the_list() -> None:
    assert set(re.findall(r"^\| (S\d+) \|", SPEC.read_text(encoding="utf-8"), flags=re.MULTILINE)) == set(THREATS)


def test_every_package_is_locked_by_its_hash() -> None:
    locked = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))["package"]
    foreign = [package for package in locked if "registry" in package["source"]]
    assert len(foreign) > 50
    for package in foreign:
        files = [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]
        assert files, package["name"]
        assert all(file["hash"].startswith("sha256:") for file in files), package["name"]
