"""The rows and checks on callers, fetching and browsers, and the tests that show each: they stand with what they test."""

from __future__ import annotations

from tests.conformance.rows import Shown

TOKENS, KEY_SETS = "tests/service/test_tokens.py", "tests/service/test_key_sets.py"
FETCH, FAULTS, PAGES = "tests/service/test_fetch.py", "tests/service/test_fetch_faults.py", "tests/service/test_fetch_pages.py"
ORIGINS, CORS, LEAKS = "tests/service/test_fetch_origins.py", "tests/service/test_cors.py", "tests/service/test_leaks.py"

ELSEWHERE: dict[str, tuple[str, Shown]] = {
    "J1": (
        "callers are authenticated wherever others can reach the service",
        {
            TOKENS: ("test_every_other_token_is_refused_alike", "test_a_caller_that_is_not_authenticated_is_not_read"),
            "tests/service/test_settings.py": ("test_callers_are_authenticated_wherever_others_can_reach_the_service_or_clients_are_named",),
        },
    ),
    "J2": ("a header has alg, kid and typ", {TOKENS: ("test_a_token_in_order_opens_the_door",)}),
    "J3": ("iss, aud, exp, iat and jti are required", {TOKENS: ("test_every_other_token_is_refused_alike",)}),
    "J4": (
        "a token is made out to the address called, as the public address has it",
        {TOKENS: ("test_every_address_takes_tokens_made_out_to_itself_and_no_other", "test_a_token_in_order_opens_the_door")},
    ),
    "J5": (
        "no token without signature or with a shared secret",
        {
            TOKENS: ("test_every_other_token_is_refused_alike",),
            KEY_SETS: ("test_keys_are_bound_to_their_type_and_curve",),
        },
    ),
    "J6": (
        "issuers and addresses of keys are listed, and no other is fetched",
        {TOKENS: ("test_an_address_in_a_token_is_compared_and_never_fetched", "test_every_other_token_is_refused_alike")},
    ),
    "J7": (
        "tokens end, live shortly, and open the door once; keys may change",
        {
            TOKENS: ("test_a_token_opens_the_door_once", "test_a_token_is_known_to_another_worker_and_after_a_restart"),
            KEY_SETS: ("test_rotation_a_new_key_is_found_when_it_is_asked_for_and_an_old_one_ends",),
            "tests/unit/store/test_tokens.py": ("test_of_many_at_once_one_wins",),
        },
    ),
    "J8": (
        "a refusal has no reason, and no token stands in the log",
        {TOKENS: ("test_every_other_token_is_refused_alike", "test_lines_of_a_call_name_the_client_and_never_its_token")},
    ),
    "J9": ("certificates of callers (a MAY) are the business of the proxy", {}),
    "J10": (
        "browsers of named origins may call and read errors, without cookies",
        {CORS: ("test_a_preflight_allows_what_clients_send", "test_errors_can_be_read_by_the_browser_too",
                "test_without_named_origins_no_answer_is_for_browsers", "test_origins_are_named_one_by_one")},
    ),
    "J11": (
        "only listed FHIR servers, and nothing of a patient in a log",
        {
            ORIGINS: ("test_a_server_that_is_not_listed_is_not_contacted",),
            LEAKS: ("test_a_canary_in_any_one_text_of_a_request_is_found_nowhere_but_in_cards",),
        },
    ),
    "P1": (
        "what is required and cannot be had is 412",
        {
            FETCH: ("test_without_prefetch_and_server_required_data_cannot_be_had",
                    "test_required_data_that_the_server_does_not_give_is_412"),
            FAULTS: ("test_an_answer_that_is_no_answer_fails_like_none",
                     "test_a_server_that_is_not_there_is_412_without_required_data"),
        },
    ),
    "P2": ("prefetch or a server will do", {
        FETCH: ("test_without_prefetch_everything_is_fetched_and_the_cards_are_the_same",)}),
    "P3": ("null is no data and is not fetched", {FETCH: ("test_null_means_no_data_and_is_not_fetched",)}),
    "P4": ("what the client failed to get is not asked for again", {
        FETCH: ("test_what_the_client_failed_to_get_is_not_fetched", "test_a_warning_alone_means_no_data")}),
    "P5": (
        "further pages are had, or the data are called partial",
        {PAGES: ("test_further_pages_of_a_prefetched_bundle_are_had",
                 "test_without_a_server_a_paged_bundle_is_partial_and_the_card_says_so")},
    ),
    "P6": ("each read carries the token", {FETCH: ("test_each_read_carries_the_token_and_nothing_else_of_the_caller",)}),
    "P7": ("the token is in no log and no answer", {
        FETCH: ("test_token_patient_and_address_stand_in_no_log_and_no_answer", "test_the_plan_shows_no_token")}),
    "P8": ("a value cannot add to a query", {FETCH: ("test_a_patient_id_cannot_add_to_a_query",),
                                             ORIGINS: ("test_a_value_stays_a_value",)}),
    "P9": ("only what is missing is fetched", {FETCH: ("test_only_what_is_missing_is_fetched",
                                                       "test_nothing_is_asked_where_nothing_is_missing")}),
    "P10": ("a slow server costs the deadline", {FAULTS: ("test_a_slow_server_costs_the_deadline_and_no_more",)}),
    "P11": ("what is withheld is not known, and a card says so", {
        FETCH: ("test_optional_data_that_the_server_does_not_give_is_not_known_and_the_card_says_so",)}),
    "P12": (
        "only a listed server is contacted, and the token goes to no other",
        {
            ORIGINS: ("test_a_server_that_is_not_listed_is_not_contacted", "test_the_address_that_was_checked_is_the_one_connected_to"),
            PAGES: ("test_a_page_on_another_server_is_not_asked_for",),
            FAULTS: ("test_no_redirect_is_followed",),
        },
    ),
}  # fmt: skip

# The names of black-box checks on these rows. A jwt check that is one case of a test stands there under its name.
CHECKS = {
    "jwt.absent": "J1", "jwt.valid": "J2", "jwt.no": "J3", "jwt.wrong-aud": "J4", "jwt.feedback-aud": "J4", "aud-array": "J4",
    "discovery-aud": "J4", "alg-none": "J5", "alg-confusion-HS256": "J5", "attacker-jku": "J6", "embedded-jwk": "J6",
    "expired": "J7", "replay-jti": "J7", "10-year-exp": "J7", "no-reason-leak": "J8",
    "fb.412-nothing": "P1", "fb.412-OperationOutcome": "P1", "fb.partial": "P11", "fb.server-401/500/html": "P1",
    "fb.dead-server": "P1", "fb.fetches": "P2", "fb.bearer": "P6", "fb.token-not-echoed": "P7", "fb.no-query-injection": "P8",
    "fb.fetch-only-missing": "P9", "fb.slow-server": "P10", "fb.fhirServer": "P12",
}  # fmt: skip
