"""Cards: what the contract and CDS Hooks demand of each, over every fixture."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.medicationrequest import MedicationRequest
from fhir.resources.R4B.servicerequest import ServiceRequest

from mgcds.cards import findings_on, respond
from mgcds.cards.compose import bundle, summary_of
from mgcds.cards.detail import markdown_safe
from mgcds.cards.printing import harmless, markdown
from mgcds.chart.intake import read_chart
from mgcds.check.charts import chart_of
from mgcds.clock import Moment
from mgcds.engine.evaluate import Engine
from mgcds.engine.outcome import Finding
from mgcds.language.text import lint_text
from tests.conftest import ROOT, RULES
from tests.spec.mini import Mini, case

REQUESTS = sorted((ROOT / "fhir_fixtures/requests").glob("*.json"))
TODAY = date(2026, 6, 15)


def answer(
    engine: Engine, request: dict[str, Any], instance: str = "i", url: str = "https://cds.example.org"
) -> dict[str, Any]:
    chart = read_chart(hook=request["hook"], context=request["context"], prefetch=request["prefetch"],
                       terminology=engine.library.terminology, today=TODAY)  # fmt: skip
    return respond(engine.evaluate(chart), service_id=f"mgcds-{request['hook']}", hook_instance=instance, public_url=url)


def fixture(number: int) -> dict[str, Any]:
    (path,) = (path for path in REQUESTS if path.name.startswith(f"{number:02d}-"))
    value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return value


def empties(value: Any, path: str = "") -> list[str]:
    """Paths of null, "", [] and {}: only `cards` may be empty."""
    if value in (None, "", [], {}) and not isinstance(value, bool | int | float):
        return [path]
    if isinstance(value, dict):
        return [found for key, item in value.items() for found in empties(item, f"{path}.{key}")]
    if isinstance(value, list):
        return [found for item in value for found in empties(item, path)]
    return []


@pytest.mark.parametrize("path", REQUESTS, ids=lambda path: path.stem)
def test_every_card_keeps_the_contract(engine: Engine, path: Any) -> None:
    said = answer(engine, json.loads(path.read_text(encoding="utf-8")))
    assert set(empties(said)) <= {".cards"}
    for card in said["cards"]:
        assert len(card["summary"]) < 140
        assert card["indicator"] in ("info", "warning", "critical")
        assert re.fullmatch(r"[A-Za-z0-9-]{1,100}", card["source"]["topic"]["code"])
        assert card["source"]["url"].startswith("https://cds.example.org/rules")
        if card["source"]["topic"]["code"] == "incomplete":
            continue
        assert "(draft)" in card["source"]["label"]
        assert all(set(reason) == {"code", "system", "display"} for reason in card["overrideReasons"])
        assert ("selectionBehavior" in card) == ("suggestions" in card)
        for finding in findings_on(card):
            assert any(because.get("reference") for because in finding["because"])
            assert all(re.fullmatch(r"\d{4}(-\d\d){0,2}", because.get("date", "2026")) for because in finding["because"])


def test_without_a_public_address_no_card_leads_anywhere(engine: Engine) -> None:
    for number in (3, 19):
        for card in answer(engine, fixture(number), url="")["cards"]:
            assert "url" not in card["source"]
            assert "links" not in card


@pytest.mark.parametrize("path", REQUESTS, ids=lambda path: path.stem)
def test_card_texts_pass_the_text_rules(engine: Engine, path: Any) -> None:
    for card in answer(engine, json.loads(path.read_text(encoding="utf-8")))["cards"]:
        for text in (card["summary"], card["detail"]):
            assert lint_text(text, engine.library.policy.never_write) == [], text
            assert not re.search(r"<[a-zA-Z/!]|\{\{|None", text), text


@pytest.mark.parametrize("path", REQUESTS, ids=lambda path: path.stem)
def test_suggested_resources_are_valid_fhir_r4(engine: Engine, path: Any) -> None:
    models = {"ServiceRequest": ServiceRequest, "MedicationRequest": MedicationRequest}
    for card in answer(engine, json.loads(path.read_text(encoding="utf-8")))["cards"]:
        for suggestion in card.get("suggestions", []):
            for action in suggestion["actions"]:
                assert action["description"]
                assert action["type"] != "delete"  # it would want an order in its place
                models[action["resource"]["resourceType"]].model_validate(action["resource"])


def test_updates_and_deletes_touch_the_orders_at_hand_only(engine: Engine) -> None:
    request = fixture(22)
    drafts = {
        f"{entry['resource']['resourceType']}/{entry['resource']['id']}" for entry in request["context"]["draftOrders"]["entry"]
    }
    actions = [
        action
        for card in answer(engine, request)["cards"]
        for suggestion in card.get("suggestions", [])
        for action in suggestion["actions"]
    ]
    moved = next(action["resource"] for action in actions if action["description"].startswith("Move"))
    assert moved["dosageInstruction"][0]["timing"]["repeat"]["timeOfDay"] == ["21:00:00"]
    updated = {f"MedicationRequest/{action['resource']['id']}" for action in actions if action["type"] == "update"}
    assert updated
    assert updated <= drafts


@pytest.mark.parametrize(
    ("timing", "moved"),
    [
        ({"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}}, True),
        ({"code": {"text": "AM"}, "repeat": {"when": ["MORN"], "offset": 30}}, True),
        ({"repeat": {"dayOfWeek": ["mon"], "timeOfDay": ["08:00:00"]}}, True),
        ({"repeat": {"frequency": 2, "period": 1, "periodUnit": "d"}}, False),
        ({"repeat": {"frequency": 1, "period": 8, "periodUnit": "h"}}, False),
        ({"repeat": {"frequency": 1, "period": 1, "periodUnit": "d", "timeOfDay": ["07:00:00", "19:00:00"]}}, False),
        ({"code": {"text": "BID"}}, False),
        ({"event": ["2026-06-16T07:00:00Z"]}, False),
        ({"repeat": "daily"}, False),
        ({}, False),
    ],
)
def test_only_the_time_of_a_single_daily_dose_is_moved(engine: Engine, timing: dict[str, Any], moved: bool) -> None:
    """The other doses of the day would be gone with one click."""
    request = fixture(22)
    order = request["context"]["draftOrders"]["entry"][0]["resource"]
    order["dosageInstruction"][0] |= {"timing": timing, "text": "in the morning"}
    resources = [
        action["resource"]
        for card in answer(engine, request)["cards"]
        for suggestion in card.get("suggestions", [])
        for action in suggestion["actions"]
        if action["description"].startswith("Move")
    ]
    assert bool(resources) == moved
    for resource in resources:
        (dosage,) = resource["dosageInstruction"]
        assert "text" not in dosage
        assert dosage["timing"]["repeat"].pop("timeOfDay") == ["21:00:00"]
        said = {key: value for key, value in timing.get("repeat", {}).items() if key not in ("when", "offset", "timeOfDay")}
        assert dosage["timing"] == {"repeat": said}


def test_no_dose_is_moved_where_a_dose_of_the_other_drug_has_no_written_time(engine: Engine) -> None:
    def moved(*timings: dict[str, Any]) -> list[str]:
        request = fixture(22)
        drug = request["prefetch"]["medications"]["entry"][0]["resource"]
        (dosage,) = drug["dosageInstruction"]
        drug["dosageInstruction"] = [dosage | {"timing": timing} for timing in timings]
        cards = answer(engine, request)["cards"]
        assert cards
        return [s["label"] for card in cards for s in card.get("suggestions", []) if s["label"].startswith("Move")]

    morning = {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d", "timeOfDay": ["07:00:00"]}}
    unwritten = {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}}
    assert moved(morning) == ["Move magnesium oxide to 21:00"]
    assert moved(unwritten) == moved(morning, unwritten) == []


def test_of_two_orders_of_one_test_the_earlier_is_suggested(tmp_path: Path) -> None:
    mini = Mini(tmp_path)
    for order in ("serum-magnesium-recheck", "serum-magnesium-tomorrow"):
        mini.write(f"orders/{order}.yaml", (RULES / f"orders/{order}.yaml").read_text())
        mini.rule(
            "find:\n  mg: {latest: serum-magnesium, as: mg/dL}\nwhen: [mg: absent]\nlevel: info\n"
            f"card: {{summary: 'Magnesium {{{{ mg }}}}.', suggest: [order: {order}]}}\n",
            id=f"ex-{order}",
        )
    (card,) = respond(mini.evaluate(""), service_id="s", hook_instance="i", public_url="")["cards"]
    assert len(findings_on(card)) == 2
    (suggestion,) = card["suggestions"]
    assert suggestion["label"] == "Order serum magnesium for tomorrow (again in 24 to 48 h)"
    order = suggestion["actions"][0]["resource"]
    assert (order["occurrenceDateTime"], order["category"]) == ("2026-06-16", [{"text": "laboratory procedure"}])


def test_one_suggestion_however_many_findings_ask_for_it(engine: Engine) -> None:
    labels = [
        suggestion["label"] for card in answer(engine, fixture(24))["cards"] for suggestion in card.get("suggestions", [])
    ]
    assert len(labels) == len(set(labels))


def test_a_repeat_of_one_call_has_the_same_uuid_and_another_call_a_fresh_one(engine: Engine) -> None:
    first, again, other = (answer(engine, fixture(3), instance)["cards"][0] for instance in ("a", "a", "b"))
    assert first == again
    assert first["uuid"] != other["uuid"]
    assert first["extension"]["org.mgcds.card"]["key"] == other["extension"]["org.mgcds.card"]["key"]


def test_interruptive_only_for_critical_at_order_sign(engine: Engine) -> None:
    def presentations(number: int) -> set[str]:
        return {finding["presentation"] for card in answer(engine, fixture(number))["cards"] for finding in findings_on(card)}

    assert presentations(10) == {"interruptive"}
    assert presentations(2) == {"inline"}


def test_the_detail_says_why_with_which_limits_and_what_stands_behind_it(engine: Engine) -> None:
    detail = answer(engine, fixture(3))["cards"][0]["detail"]
    for part in ("**Why shown:** serum magnesium: 1.5 mg/dL, 2026-06-10", "**Limits used:** serum magnesium below 1.7 mg/dL, within 90 days",
                 "**Evidence:** FDA Drug Safety Communication", "**Consider**"):  # fmt: skip
        assert part in detail


@pytest.mark.parametrize(
    ("find", "when", "why"),
    [
        ("sex: {patient: sex}", "sex: female", "sex"),
        ("age: {patient: age, as: years}", "age: {at_least: 65 years}", "age"),  # 67 or 68: the birth date is a year
        ("mg: {taking: magnesium}\n  sex: {patient: sex}", "mg: present, sex: female", "magnesium: magnesium oxide; sex"),
    ],
)
def test_what_has_neither_value_nor_date_is_named_alone(tmp_path: Path, find: str, when: str, why: str) -> None:
    mini = Mini(tmp_path)
    mini.rule(f"find:\n  {find}\nwhen: [{when}]\nlevel: info\ncard: {{summary: Seen.}}\n")
    library, problems = mini.build()
    assert library is not None, problems
    chart = chart_of(case("- {taking: magnesium oxide}"), library.terminology)
    chart = replace(chart, person=replace(chart.person, born=Moment(date(1958, 1, 1), date(1958, 12, 31))))
    (card,) = respond(Engine(library).evaluate(chart), service_id="s", hook_instance="i", public_url="")["cards"]
    assert f"**Why shown:** {why}.\n" in card["detail"]


def test_medicines_that_were_not_understood_stand_on_a_card_that_relies_on_absence_and_on_no_other(tmp_path: Path) -> None:
    mini = Mini(tmp_path)
    find = "find:\n  ppi: {taking: proton-pump-inhibitors}\n  ckd: {has: ckd-4}\nlevel: info\ncard: {summary: '{{ ppi }} {{ ckd }}'}\n"
    mini.rule(find + "when: [ckd: present]\n", id="ex-certain")
    mini.rule(find + "when: [ckd: present, ppi: absent]\n", id="ex-absence", group="low-mg")
    mini.rule(find + "when: [ckd: present]\nunless: [ppi: present]\n", id="ex-unless", group="low-mg")
    library, _ = mini.build()
    assert library is not None
    chart = replace(chart_of(case("- {has: ckd-4}"), library.terminology), unresolved=("Zet", "Quu", "Zet", "[Abc]", "Nul"))
    cards = respond(Engine(library).evaluate(chart), service_id="s", hook_instance="i", public_url="")["cards"]
    absence, certain = (card["detail"] for card in cards)
    assert "**Not available:** medicines not understood: Nul, Quu, Zet and 1 more." in absence
    assert absence.count("not understood") == 2  # of both findings
    assert "not understood" not in certain


def test_a_card_that_looked_into_records_of_which_a_part_came_says_so_and_no_other_does(tmp_path: Path) -> None:
    mini = Mini(tmp_path)
    mini.rule(
        "find:\n  ppi: {taking: proton-pump-inhibitors}\nwhen: [ppi: present]\nlevel: info\ncard: {summary: '{{ ppi }}'}\n",
        id="ex-ppi",
    )
    mini.rule(
        "find:\n  ckd: {has: ckd-4}\nwhen: [ckd: present]\nlevel: info\ncard: {summary: '{{ ckd }}'}\n",
        id="ex-ckd",
        group="low-mg",
    )
    library, _ = mini.build()
    assert library is not None
    chart = chart_of(case("- {taking: omeprazole}\n- {has: ckd-4}"), library.terminology)

    def told(*partial: str) -> dict[str, str]:
        evaluation = Engine(library).evaluate(replace(chart, partial=frozenset(partial)))
        cards = respond(evaluation, service_id="s", hook_instance="i", public_url="")["cards"]
        parts = (re.search(r"Not available:\*\* part of the records \((.*)\)\.", card["detail"]) for card in cards)
        return {findings_on(card)[0]["rule"]: found[1] for card, found in zip(cards, parts, strict=True) if found}

    assert told() == told("orders") == {}
    assert told("medications") == told("statements") == told("medications", "statements") == {"ex-ppi": "medications"}
    assert told("medications", "conditions") == {"ex-ppi": "medications", "ex-ckd": "conditions"}


def test_what_was_missing_stands_on_the_card(engine: Engine) -> None:
    cards = answer(engine, fixture(19))["cards"]
    assert "Not available: eGFR" in cards[0]["detail"].replace("**", "")
    assert "absence of an alert is not reassurance" in cards[1]["summary"]


def test_the_incomplete_card_can_be_switched_off(engine: Engine) -> None:
    request = fixture(19)
    chart = read_chart(hook=request["hook"], context=request["context"], prefetch=request["prefetch"],
                       terminology=engine.library.terminology, today=TODAY)  # fmt: skip
    said = respond(engine.evaluate(chart), service_id="s", hook_instance="i", public_url="", incomplete_card=False)
    assert [card["source"]["topic"]["code"] for card in said["cards"]] == ["mg-excess"]


@pytest.mark.parametrize(
    "text", ["<b>bold</b>", "<img src=x onerror=alert(1)>", "[x](http://evil)", "a\x00b\u202ec", "`code` *em* |t|", "x" * 500]
)
def test_names_from_a_chart_are_harmless(text: str) -> None:
    assert not re.search(r"<[a-zA-Z/!]|[\x00-\x1f\u202a-\u202e]", harmless(text))
    assert len(harmless(text)) <= 60
    assert not re.search(r"(?<!\\)[\[\]*`|<>]", markdown(text))


def test_a_name_that_starts_with_a_hyphen_makes_no_list() -> None:
    assert (markdown("- omeprazole"), markdown("co-codamol")) == ("\\- omeprazole", "co-codamol")


@pytest.mark.parametrize(
    "text", ["https://evil.example", "www.evil.example", "WWW.evil.example", "a@evil.example", "mailto:a", "FTP://e"]
)
def test_addresses_in_a_chart_do_not_become_links(text: str) -> None:
    """GitHub-flavoured Markdown makes links of bare addresses, which no backslash prevents."""
    autolinks = re.compile(r"(https?|ftp)://|\bwww\.|@\w|\b(mailto|xmpp):", re.IGNORECASE)
    assert autolinks.search(text)
    for printed in (markdown(text), markdown_safe(text)):
        assert not autolinks.search(printed)
        assert printed.replace("\u200b", "").replace("\\", "") == text


def test_at_most_five_cards_and_critical_ones_always_stay(engine: Engine) -> None:
    rule = next(iter(engine.library.rules.values()))

    def finding(number: int, level: str) -> Finding:
        import dataclasses

        shown = rule.model.shown_in.model_copy(update={"group": f"g{number}"})
        model = rule.model.model_copy(update={"shown_in": shown})
        return Finding(dataclasses.replace(rule, id=f"r{number}", model=model), level, (), (), False)

    def topics(*levels: str) -> list[str]:
        return [topic for topic, _ in bundle(tuple(finding(n, level) for n, level in enumerate(levels)), 5)]

    assert topics(*["info"] * 5) == ["g0", "g1", "g2", "g3", "g4"]
    assert topics(*["info"] * 6) == ["g0", "g1", "g2", "g3", "further-notes"]
    assert topics(*["critical"] * 6, "info") == ["g0", "g1", "g2", "g3", "g4", "g5", "further-notes"]
    assert topics("info", "warning", "critical") == ["g2", "g1", "g0"]
    ((_, members),) = [card for card in bundle(tuple(finding(n, "info") for n in range(7)), 5) if card[0] == "further-notes"]
    assert [one.rule.id for one in members] == ["r4", "r5", "r6"]


def answer_of_case(engine: Engine, lines: str, at: str = "patient-view") -> dict[str, Any]:
    chart = chart_of(case(lines, at), engine.library.terminology)
    return respond(engine.evaluate(chart), service_id="s", hook_instance="i", public_url="")


PPI_AND_DIURETICS = """
    - {taking: omeprazole, since: 800 days ago}
    - {taking: hydrochlorothiazide, since: 90 days ago}
    - {taking: furosemide, since: 60 days ago}
"""


def test_long_names_give_way_and_the_action_stays(engine: Engine) -> None:
    chart = chart_of(case(PPI_AND_DIURETICS), engine.library.terminology)
    for length in (10, 30, 60, 200):
        uses = tuple(
            use._replace(medicine=replace(use.medicine, name=f"{use.medicine.name} {'x' * length}")) for use in chart.uses
        )
        evaluation = engine.evaluate(replace(chart, uses=uses))
        summaries = {finding.rule.id: summary_of(finding, evaluation) for finding in evaluation.findings}
        assert len(summaries["mg-monitor-ppi-risk"]) < 140
        assert summaries["mg-monitor-ppi-risk"].endswith("check magnesium.")


@pytest.mark.parametrize(
    ("find", "lines", "printed"),
    [
        ("latest: serum-magnesium, as: mg/dL", "- {not_supplied: [magnesium]}", "not known"),
        ("latest: serum-magnesium, as: mg/dL", "", "none"),
        ("taking: magnesium", "- {not_supplied: [medications]}", "not known"),
        ("taking: magnesium", "", "none"),
        ("pending: serum-magnesium-order", "- {ordered: serum-magnesium-order}", "serum-magnesium-order"),
        ("pending: serum-magnesium-order", "", "none"),
        ("first_that_holds: [kidneys: {ckd: absent}]", "", "none"),
        ("patient: sex", "- {patient: male}", "male"),
        ("patient: age, as: years", "- {patient: male, age: 1 years}", "1 year"),
        ("exposure: magnesium, courses_merge_within: 3 days", "- {taking: magnesium oxide, since: 2 days ago}", "2 days"),
    ],
)
def test_a_card_tells_what_is_not_known_from_what_is_not_there(tmp_path: Path, find: str, lines: str, printed: str) -> None:
    mini = Mini(tmp_path)
    mini.rule(
        f"find:\n  asked: {{{find}}}\n  ckd: {{has: ckd-4}}\nwhen: [ckd: present]\nlevel: info\ncard: {{summary: 'It is: {{{{ asked }}}}.'}}\n"
    )
    said = respond(mini.evaluate("- {has: ckd-4}\n" + lines), service_id="s", hook_instance="i", public_url="")
    assert said["cards"][0]["summary"] == f"It is: {printed}."


def test_both_ages_are_told_where_the_birth_date_is_a_year(tmp_path: Path) -> None:
    mini = Mini(tmp_path)
    mini.rule(
        "find:\n  age: {patient: age, as: years}\nwhen: [age: {at_least: 65 years}]\nlevel: info\ncard: {summary: 'Aged {{ age }}.'}\n"
    )
    library, problems = mini.build()
    assert library is not None, problems
    chart = chart_of(case(""), library.terminology)

    def told(year: int) -> list[str]:
        born = replace(chart.person, born=Moment(date(year, 1, 1), date(year, 12, 31)))
        evaluation = Engine(library).evaluate(replace(chart, person=born))
        cards = respond(evaluation, service_id="s", hook_instance="i", public_url="")["cards"]
        return [card["summary"] for card in cards] or [evaluation.outcomes["ex-ample"].state]

    assert told(1958) == ["Aged 67 or 68 years."]
    assert (told(1960), told(1961), told(1962)) == (["Aged 65 or 66 years."], ["not-evaluable"], ["not-fired"])


def test_a_summary_that_no_shorter_names_make_fit_is_cut_with_a_sign(tmp_path: Path) -> None:
    mini = Mini(tmp_path)
    for length, shown in ((139, "W" + "w" * 138), (140, "W" + "w" * 137 + "…")):
        mini.rule(f"find:\n  ckd: {{has: ckd-4}}\nwhen: [ckd: present]\nlevel: info\ncard: {{summary: {'w' * length}}}\n")
        said = respond(mini.evaluate("- {has: ckd-4}"), service_id="s", hook_instance="i", public_url="")
        assert said["cards"][0]["summary"] == shown


def test_a_drug_that_stands_on_the_record_often_is_named_three_times(engine: Engine) -> None:
    lines = "".join(f"- {{taking: furosemide, since: {200 + days} days ago}}\n" for days in range(8))
    (card,) = answer_of_case(engine, lines)["cards"]
    (why,) = (line for line in card["detail"].splitlines() if line.startswith("**Why shown:**"))
    assert why.count("furosemide") == 3
    assert "and 5 more" in why


def test_use_of_years_is_told_in_years_and_without_rounding_up(engine: Engine) -> None:
    told = {days: answer_of_case(engine, f"- {{taking: furosemide, since: {days} days ago}}")["cards"][0]["summary"]
            for days in (730, 731, 1095, 1096)}  # fmt: skip
    assert [summary.split(" and ")[0] for summary in told.values()] == [
        "Furosemide for 730 days", "Furosemide for 2 years", "Furosemide for 2 years", "Furosemide for 3 years",
    ]  # fmt: skip


def test_a_shared_sentence_stands_on_a_card_once(engine: Engine) -> None:
    chart = "- {taking: furosemide, since: 300 days ago}\n- {has: alcohol-use-disorder}"
    (card,) = answer_of_case(engine, chart)["cards"]
    assert len(findings_on(card)) == 2
    assert card["detail"].count(engine.library.policy.sentences["mg-limit"]) == 1


def test_dates_of_evidence_are_whole_dates_or_left_out(engine: Engine) -> None:
    request = fixture(12)
    for entry in request["prefetch"]["medications"]["entry"]:
        entry["resource"]["authoredOn"] = "2026-01"
    said = answer(engine, request)
    dates = [because.get("date") for card in said["cards"] for finding in findings_on(card)
             for because in finding["because"]]  # fmt: skip
    assert None in dates
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d", day) for day in dates if day)
