"""The fifteen verbs by example: what is asked, what the chart holds, what the answer is."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from mgcds.cards import respond
from mgcds.chart.facts import Dosing, Portion, Times
from mgcds.check.charts import chart_of
from mgcds.engine.evaluate import Engine
from mgcds.engine.explain import explain
from mgcds.engine.truth import holds
from mgcds.language.when import Ask
from tests.spec.mini import Mini, case


def test_patient_is_age_in_completed_years_or_sex_as_a_word(mini: Mini) -> None:
    mini.questions("age: {patient: age, as: years}\nsex: {patient: sex}")
    age = mini.ask("age", "- {patient: male, age: 68 years}")
    assert (age.value, age.present, age.is_exact, age.why) == (68, True, True, "68 years")
    assert mini.ask("sex", "- {patient: male, age: 68 years}").word == "male"
    assert not mini.ask("age", "- {patient: male}").known
    assert not mini.ask("age", "- {patient: male, age: 68 years}\n- {not_supplied: [patient]}").known
    assert not mini.ask("sex", "- {patient: unknown, age: 5 years}").known


def test_latest_is_the_newest_result_of_all_the_first_listed_wins_a_tie(mini: Mini) -> None:
    mini.questions("egfr: {latest: [egfr, egfr-from-creatinine], as: mL/min/1.73m2}")
    both = "- {lab: creatinine, value: 2.0 mg/dL, taken: 3 days ago}\n- {lab: egfr, value: 80 mL/min/1.73m2, taken: %s}"
    assert mini.ask("egfr", both % "3 days ago").value == 80
    computed = mini.ask("egfr", both % "4 days ago")
    assert (computed.value, computed.parts["computed"]) == (30, "serum creatinine")
    assert computed.why.endswith("(3 days ago, computed from serum creatinine)")
    answer = mini.ask("egfr")
    assert answer.known
    assert not answer.present
    assert not mini.ask("egfr", "- {not_supplied: [kidney]}").known


def test_latest_may_be_a_limit_which_decides_only_what_lies_wholly_on_one_side_of_it(mini: Mini) -> None:
    mini.questions("""
        egfr:
          latest: egfr
          as: mL/min/1.73m2
          words:
            bad: {below: 30 mL/min/1.73m2}
            good: {at_least: 30 mL/min/1.73m2}
          source: expert
        number: {latest: egfr, as: mL/min/1.73m2, limits: left out}
    """)

    def said(limit: str) -> list[str]:
        evaluation = mini.evaluate(f'- {{lab: egfr, value: "{limit} mL/min/1.73m2"}}')
        tests = evaluation.library.questions["egfr"].question.words
        truths = {word: holds(Ask("egfr", tests[word]), evaluation.answers, "patient-view") for word in ("bad", "good")}
        return [f"{word}: {truth}" for word, truth in truths.items()]

    assert said("<15") == said("<30") == said("<=29") == ["bad: True", "good: False"]
    assert said(">60") == said(">30") == said(">=30") == ["bad: False", "good: True"]
    assert said("<60") == said(">15") == said("<=30") == said(">29") == ["bad: None", "good: None"]
    lines = (
        '- {lab: egfr, value: "<15 mL/min/1.73m2", taken: 1 day ago}\n- {lab: egfr, value: 20 mL/min/1.73m2, taken: 9 days ago}'
    )
    answer = mini.ask("egfr", lines)
    assert (answer.sign, answer.shown, answer.youngest) == ("<", 15, 1)
    assert mini.ask("number", lines).value == 20


def test_lowest_may_be_lower_than_a_number_where_another_result_is_only_a_limit(mini: Mini) -> None:
    mini.questions("low: {lowest: potassium, as: mmol/L, taken: 0 to 30 days ago, source: expert}")

    def asked(*values: str) -> tuple[str, object, bool]:
        answer = mini.ask("low", "\n".join(f'- {{lab: potassium, value: "{value} mmol/L"}}' for value in values))
        return answer.sign, answer.shown, answer.is_exact

    assert asked("<3", "3.3", "4.1") == ("<", 3, False)
    assert asked(">6", "3.3") == ("", Decimal("3.3"), True)
    assert asked("<6", "5.0") == ("<=", 5, False)
    assert asked(">6", ">5") == (">", 5, False)


def test_lowest_is_the_lowest_in_a_span_that_may_count_from_another_result(mini: Mini) -> None:
    mini.questions("""
        potassium: {latest: potassium, as: mmol/L}
        earlier: {lowest: potassium, as: mmol/L, taken: 1 to 30 days before potassium}
    """)
    lines = """
        - {lab: potassium, value: 3.6 mmol/L, taken: 2 days ago}
        - {lab: potassium, value: 3.3 mmol/L, taken: 3 days ago}
        - {lab: potassium, value: 3.1 mmol/L, taken: 32 days ago}
        - {lab: potassium, value: 2.5 mmol/L, taken: 33 days ago}
    """
    assert mini.ask("earlier", lines).value == Decimal("3.1")
    none = mini.ask("earlier", "- {lab: potassium, value: 3.6 mmol/L}")
    assert (none.known, none.present) == (True, False)
    assert not mini.ask("earlier", "- {not_supplied: [potassium]}").known


def test_of_equal_lowest_results_the_newest_is_told(mini: Mini) -> None:
    mini.questions("low: {lowest: potassium, as: mmol/L, taken: 0 to 30 days ago, source: expert}")
    line = "- {lab: potassium, value: %s mmol/L, taken: %s days ago}\n"
    lines = line % (3.1, 9) + line % (3.1, 2) + line % (3.1, 5) + line % (4.0, 1)
    assert (mini.ask("low", lines).value, mini.ask("low", lines).oldest) == (Decimal("3.1"), 2)


def test_taking_counts_products_by_class_route_kind_and_indication(mini: Mini) -> None:
    mini.questions("""
        ppi: {taking: proton-pump-inhibitors}
        oral_mg: {taking: magnesium, by: [oral, enteral]}
        laxative: {taking: magnesium, by: [oral], kind: [laxative, antacid]}
        for_sleep: {taking: magnesium, for: anaesthesia}
        otherwise: {taking: magnesium, not_for: anaesthesia}
    """)
    lines = """
        - {taking: omeprazole}
        - {taking: milk of magnesia, by: oral}
        - {taking: magnesium sulfate injection, by: intravenous, for: anaesthesia}
    """
    counts = {name: mini.ask(name, lines).value for name in ("ppi", "oral_mg", "laxative", "for_sleep", "otherwise")}
    assert counts == {"ppi": 1, "oral_mg": 1, "laxative": 1, "for_sleep": 1, "otherwise": 1}
    assert mini.ask("ppi", lines).names == ("omeprazole",)
    assert not mini.ask("ppi", "- {not_supplied: [medications]}").known


def test_taking_a_route_not_written_follows_the_form_else_it_is_not_counted_and_noted(mini: Mini) -> None:
    mini.questions("oral_mg: {taking: magnesium, by: [oral]}")
    assert mini.ask("oral_mg", "- {taking: magnesium oxide 400 mg tablet}").value == 1
    answer = mini.ask("oral_mg", "- {taking: magnesium oxide}")
    assert answer.value == 0
    assert [note.code for note in answer.notes] == ["dosage-unreadable"]
    said = respond(mini.evaluate("- {taking: magnesium oxide}"), service_id="s", hook_instance="i", public_url="")
    notes = said["extension"]["org.mgcds.evaluation"]["notes"]
    assert notes == [{"code": "dosage-unreadable", "reference": "Case/0", "find": "oral_mg"}]


def test_taking_not_by_leaves_local_products_out_and_counts_where_the_route_is_not_known(mini: Mini) -> None:
    mini.questions("systemic: {taking: ciprofloxacin, not_by: [ophthalmic, otic]}")
    assert mini.ask("systemic", "- {taking: ciprofloxacin, by: oral}").present
    assert mini.ask("systemic", "- {taking: ciprofloxacin}").present
    assert not mini.ask("systemic", "- {taking: ciprofloxacin, by: ophthalmic}").present
    assert not mini.ask("systemic", "- {taking: ciprofloxacin 0.3 % ear drops}").present
    both = mini.ask("systemic", "- {taking: ciprofloxacin 0.3 % eye drops}\n- {taking: ciprofloxacin 500 mg tablet}")
    assert (both.value, [use.reference for use in both.uses], both.notes) == (1, ["Case/1"], ())


def test_taking_not_by_leaves_a_drafted_local_product_out_of_focus(mini: Mini) -> None:
    mini.questions("systemic: {taking: ciprofloxacin, not_by: [ophthalmic, otic]}")
    answer = mini.ask("systemic", "- {taking: ciprofloxacin 500 mg tablet}\n- {draft: ciprofloxacin eye drops}", "order-sign")
    assert (answer.present, answer.drafted, answer.focus) == (True, False, False)


def test_taking_started_ended_supply_and_dose_do_not_hold_where_they_are_not_written(mini: Mini) -> None:
    mini.questions("""
        serum_mg: {latest: serum-magnesium, as: mg/dL}
        settled: {taking: magnesium, started: at least 28 days before serum_mg}
        lately: {taking: magnesium, ended: within 14 days}
        long: {taking: proton-pump-inhibitors, only: drafts, supply: at least 90 days}
        strong: {taking: antidepressants, dose_at_least: antidepressant-minimum-dose}
    """)
    mg = "- {lab: serum-magnesium, value: 1.5 mg/dL, taken: 2 days ago}\n"
    assert mini.ask("settled", mg + "- {taking: magnesium oxide, since: 30 days ago}").present
    assert not mini.ask("settled", mg + "- {taking: magnesium oxide, since: 29 days ago}").present
    assert not mini.ask("settled", mg + "- {taking: magnesium oxide}").present
    assert mini.ask("lately", "- {taking: magnesium oxide, since: 60 days ago, until: 14 days ago}").present
    assert not mini.ask("lately", "- {draft: magnesium oxide}", "order-sign").present
    assert not mini.ask("lately", "- {taking: magnesium oxide, since: 60 days ago, until: 15 days ago}").present
    assert mini.ask("long", "- {draft: omeprazole, supply: 90 days}", "order-sign").present
    assert not mini.ask("long", "- {draft: omeprazole, supply: 89 days}", "order-sign").present
    assert not mini.ask("long", "- {draft: omeprazole}", "order-sign").present
    assert mini.ask("strong", "- {taking: sertraline, dose: 50 mg}").present
    assert not mini.ask("strong", "- {taking: sertraline, dose: 49 mg}").present
    assert not mini.ask("strong", "- {taking: sertraline}").present


def test_taking_started_may_lie_in_several_spans_and_is_not_known_where_the_date_it_counts_from_is_not(mini: Mini) -> None:
    mini.questions("""
        serum_mg: {latest: serum-magnesium, as: mg/dL}
        treated: {taking: magnesium, started: [28 to 180 days ago, 0 to 90 days after serum_mg]}
    """)
    mg = "- {lab: serum-magnesium, value: 1.5 mg/dL, taken: 60 days ago}\n"
    assert mini.ask("treated", mg + "- {taking: magnesium oxide, since: 28 days ago}").present
    assert not mini.ask("treated", mg + "- {taking: magnesium oxide, since: 27 days ago}").present
    assert mini.ask("treated", mg + "- {taking: magnesium oxide, since: 60 days ago}").present
    assert not mini.ask("treated", mg + "- {taking: magnesium oxide, since: 61 days ago}").present
    unknown = "- {not_supplied: [magnesium]}\n"
    assert not mini.ask("treated", unknown + "- {taking: magnesium oxide, since: 30 days ago}").known
    assert mini.ask("treated", unknown + "- {taking: omeprazole, since: 30 days ago}").known


def test_what_counts_from_a_date_that_was_not_supplied_is_not_known(mini: Mini) -> None:
    mini.questions("""
        serum_mg: {latest: serum-magnesium, as: mg/dL}
        earlier: {lowest: potassium, as: mmol/L, taken: 1 to 30 days before serum_mg}
        before: {has: tetany, onset: 1 to 30 days before serum_mg}
    """)
    lines = "- {lab: potassium, value: 3.1 mmol/L, taken: 9 days ago}\n- {has: tetany, since: 9 days ago}\n"
    mg = "- {lab: serum-magnesium, value: 1.5 mg/dL, taken: %s days ago}"
    for name in ("earlier", "before"):
        assert mini.ask(name, lines + mg % 8).present
        for more, known in ((mg % 9, True), ("", True), ("- {not_supplied: [magnesium]}", False)):
            answer = mini.ask(name, lines + more)
            assert (answer.known, answer.present) == (known, False), (name, more)
        nothing = mini.ask(name, "- {not_supplied: [magnesium]}")  # of something that is not there, no date matters
        assert (nothing.known, nothing.present) == (True, False)


def test_taking_sees_drafts_at_order_hooks_only_and_a_draft_is_one_product_with_its_order(mini: Mini) -> None:
    mini.questions("ppi: {taking: proton-pump-inhibitors}\nactive: {taking: proton-pump-inhibitors, only: active}")
    lines = "- {taking: omeprazole, since: 9 days ago}\n- {draft: omeprazole}"
    assert mini.ask("ppi", lines, "order-sign").value == 1
    assert mini.ask("ppi", lines, "order-sign").drafted
    assert not mini.ask("ppi", lines).drafted
    assert mini.ask("active", lines, "order-sign").value == 1
    assert not mini.ask("active", "- {draft: omeprazole}", "order-sign").present


def test_exposure_is_unbroken_use_that_ends_today_and_courses_merge(mini: Mini) -> None:
    mini.questions("ppi_days: {exposure: proton-pump-inhibitors, courses_merge_within: 30 days, source: expert}")
    lines = "- {taking: omeprazole, since: 200 days ago, until: %s}\n- {taking: pantoprazole, since: 50 days ago}"
    assert mini.ask("ppi_days", lines % "80 days ago").value == 200
    assert mini.ask("ppi_days", lines % "81 days ago").value == 50
    since = [because.date for because in mini.ask("ppi_days", lines % "80 days ago").because]
    assert since == sorted(since)
    assert len(set(since)) == 2
    assert mini.ask("ppi_days", "- {taking: omeprazole}").value == 0
    assert mini.ask("ppi_days", "- {taking: omeprazole, since: 90 days ago, until: today}").value == 0
    assert mini.ask("ppi_days", "- {draft: omeprazole, since: 90 days ago}", "order-sign").value == 0


def test_an_older_course_is_joined_over_the_one_between(mini: Mini) -> None:
    mini.questions("ppi_days: {exposure: proton-pump-inhibitors, courses_merge_within: 30 days, source: expert}")
    lines = """
        - {taking: omeprazole, since: 120 days ago, until: 80 days ago}
        - {taking: lansoprazole, since: 60 days ago, until: %s days ago}
        - {taking: pantoprazole, since: 20 days ago}
    """
    assert (mini.ask("ppi_days", lines % 40).value, mini.ask("ppi_days", lines % 51).value) == (120, 20)


def test_a_course_whose_end_is_not_written_counts_as_one_day(mini: Mini) -> None:
    mini.questions("ppi_days: {exposure: proton-pump-inhibitors, courses_merge_within: 30 days, source: expert}")
    library, _ = mini.build()
    assert library is not None

    def days(first: int, second: int) -> object:
        lines = f"- {{taking: omeprazole, since: {first} days ago}}\n- {{taking: pantoprazole, since: {second} days ago}}"
        chart = chart_of(case(lines), library.terminology)
        over, running = chart.uses
        return Engine(library).evaluate(replace(chart, uses=(over._replace(active=False), running))).answers["ppi_days"].value

    assert (days(80, 50), days(81, 50), days(40, 50)) == (80, 50, 50)


def test_what_is_started_today_has_not_been_taken_for_a_day(mini: Mini) -> None:
    mini.questions("ppi_days: {exposure: proton-pump-inhibitors, courses_merge_within: 30 days, source: expert}")
    today, yesterday = (mini.ask("ppi_days", f"- {{taking: omeprazole, since: {day}}}") for day in ("today", "1 day ago"))
    assert (today.value, today.present) == (0, False)
    assert (yesterday.value, yesterday.present) == (1, True)


def test_course_is_the_longest_length_as_written(mini: Mini) -> None:
    mini.questions("iv_mg: {taking: magnesium, by: [intravenous]}\niv_days: {course: iv_mg}")
    lines = "- {taking: magnesium sulfate injection, by: intravenous, length: 6 days}"
    (evidence,) = mini.ask("iv_days", lines).because
    assert (mini.ask("iv_days", lines).value, evidence.value, evidence.unit) == (6, 6, "days")
    answer = mini.ask("iv_days", "- {taking: magnesium sulfate injection, by: intravenous}")
    assert answer.known
    assert answer.value is None


def test_total_adds_elemental_amounts_and_says_when_it_is_incomplete(mini: Mini) -> None:
    mini.questions("oral_mg: {taking: magnesium, by: [oral]}\nsum: {total: magnesium, from: oral_mg, as: mg/day}")
    oxide = "- {taking: magnesium oxide 400 mg tablet, dose: 400 mg, per_day: 2}\n"
    assert (mini.ask("sum", oxide).value, mini.ask("sum", oxide).word) == (Decimal("482.43"), "complete")
    unknown = mini.ask("sum", oxide + "- {taking: magnesium supplement, by: oral}")
    assert (unknown.value, unknown.word, unknown.parts["uncounted"]) == (Decimal("482.43"), "incomplete", "magnesium")


def test_total_leaves_the_other_nutrients_of_a_product_out(mini: Mini) -> None:
    mini.questions("oral_mg: {taking: magnesium, by: [oral]}\nsum: {total: magnesium, from: oral_mg, as: mg/day}")
    library, _ = mini.build()
    assert library is not None
    chart = chart_of(case("- {taking: magnesium oxide 400 mg tablet, dose: 400 mg}"), library.terminology)
    (use,) = chart.uses
    zinc = Portion("zinc gluconate", "zinc", Decimal(100), Decimal(100), Decimal(14), "salt")
    use = use._replace(dosing=Dosing((*use.portions, zinc), use.times))
    answer = Engine(library).evaluate(replace(chart, uses=(use,))).answers["sum"]
    assert (answer.value, answer.word, answer.names) == (Decimal("241.22"), "complete", ("magnesium oxide",))
    assert answer.parts == {"products": "magnesium oxide 241.22 mg", "uncounted": "", "assumed": ""}


def test_total_names_products_whose_strength_is_assumed_to_be_elemental(mini: Mini) -> None:
    mini.questions("oral_mg: {taking: magnesium, by: [oral]}\nsum: {total: magnesium, from: oral_mg, as: mg/day}")
    library, _ = mini.build()
    assert library is not None
    chart = chart_of(case("- {taking: magnesium citrate, by: oral}"), library.terminology)
    (use,) = chart.uses
    parts = [
        Portion("magnesium citrate", "magnesium", Decimal(100), Decimal(100), amount, basis)
        for basis, amount in (("ambiguous", Decimal(100)), ("ambiguous", None), ("salt", Decimal(16)))
    ]

    def assumed(*portions: Portion) -> str:
        chart_with = replace(chart, uses=(use._replace(dosing=Dosing(portions, use.times)),))
        return Engine(library).evaluate(chart_with).answers["sum"].parts["assumed"]

    assert assumed(parts[0]) == assumed(parts[0], parts[2]) == "magnesium citrate"
    assert assumed(parts[1]) == assumed(parts[2]) == ""


def test_a_total_is_incomplete_where_nothing_is_known_of_what_a_product_holds(mini: Mini) -> None:
    mini.questions("oral_mg: {taking: magnesium, by: [oral]}\nsum: {total: magnesium, from: oral_mg, as: mg/day}")
    library, _ = mini.build()
    assert library is not None
    chart = chart_of(case("- {taking: magnesium oxide 400 mg tablet, dose: 400 mg}"), library.terminology)
    unknown = replace(chart, uses=tuple(use._replace(dosing=Dosing()) for use in chart.uses))
    answer = Engine(library).evaluate(unknown).answers["sum"]
    assert (answer.value, answer.word, answer.parts["uncounted"]) == (0, "incomplete", "magnesium oxide")


def test_a_total_and_a_course_are_drafted_and_in_focus_where_their_products_are(mini: Mini) -> None:
    mini.questions("""
        any_mg: {taking: magnesium}
        sum: {total: magnesium, from: any_mg, as: mg/day}
        days: {course: any_mg}
    """)
    line = "- {%s: magnesium sulfate injection, by: intravenous, dose: 2 g, length: 6 days}"
    for name in ("sum", "days"):
        drafted = mini.ask(name, line % "draft", "order-sign")
        assert (drafted.present, drafted.drafted, drafted.focus) == (True, True, True), name
        placed = mini.ask(name, line % "taking", "order-sign")
        assert (placed.present, placed.drafted, placed.focus) == (True, False, False), name


def test_trials_count_different_drugs_at_an_adequate_dose_for_long_enough(mini: Mini) -> None:
    mini.questions("""
        trials: {trials: antidepressants, dose_at_least: antidepressant-minimum-dose, lasting: at least 42 days, ended: within 730 days, source: expert}
    """)
    ended = "- {taking: sertraline, dose: 50 mg, since: 142 days ago, until: 100 days ago}\n"
    running = "- {taking: venlafaxine, dose: 75 mg, since: 42 days ago}\n"
    past = mini.ask("trials", ended)
    assert (past.value, past.present, past.word, past.names) == (1, True, "ended", ("sertraline",))
    assert past.because[0].date == past.uses[0].start.text  # type: ignore[union-attr]
    assert mini.ask("trials", running).word == "running"
    renewed = "- {taking: sertraline, dose: 50 mg, since: 142 days ago}\n" + ended.replace("142", "120")
    assert mini.ask("trials", renewed).word == "running"  # one of its records ended, the drug goes on
    assert (mini.ask("trials", ended + running).value, mini.ask("trials", ended + running).word) == (2, "ended and running")
    weak = mini.ask("trials", "- {taking: sertraline, dose: 25 mg, since: 400 days ago}")
    assert (weak.value, weak.present) == (0, False)
    again = "- {taking: sertraline, dose: 25 mg, since: 10 days ago}\n"  # not given up, so it did not end
    assert (mini.ask("trials", ended + again + running).value, mini.ask("trials", ended + again + running).word) == (
        2,
        "running",
    )
    assert mini.ask("trials", ended + again).value == 1
    touching = "- {taking: sertraline, dose: 50 mg, since: 60 days ago, until: 30 days ago}\n- {taking: sertraline, dose: 50 mg, since: 30 days ago}"
    assert mini.ask("trials", touching).value == 1
    assert mini.ask("trials", touching.replace("until: 30", "until: 31")).value == 1  # the next day touches
    assert mini.ask("trials", touching.replace("until: 30", "until: 32")).value == 0


def test_a_trial_that_ends_today_has_ended(mini: Mini) -> None:
    mini.questions("""
        trials: {trials: antidepressants, dose_at_least: antidepressant-minimum-dose, lasting: at least 42 days, ended: within 730 days, source: expert}
    """)
    ended = "- {taking: sertraline, dose: 50 mg, since: 42 days ago, until: today}\n"
    assert (mini.ask("trials", ended).value, mini.ask("trials", ended).word) == (1, "ended")
    drafted = mini.ask("trials", ended + "- {draft: sertraline, dose: 50 mg, since: 90 days ago}", "order-sign")
    assert (drafted.value, drafted.word) == (1, "ended")  # an order that is not signed is no trial


def test_a_trial_whose_end_is_not_written_has_no_length(mini: Mini) -> None:
    mini.questions("""
        trials: {trials: antidepressants, dose_at_least: antidepressant-minimum-dose, lasting: at least 42 days, ended: within 730 days, source: expert}
    """)
    library, _ = mini.build()
    assert library is not None
    chart = chart_of(case("- {taking: sertraline, dose: 50 mg, since: 90 days ago}"), library.terminology)
    over = replace(chart, uses=tuple(use._replace(active=False) for use in chart.uses))
    answer = Engine(library).evaluate(over).answers["trials"]
    assert (answer.known, answer.value) == (True, 0)
    assert Engine(library).evaluate(chart).answers["trials"].value == 1


def test_spacing_is_the_worst_pair_of_dose_times_on_a_common_day(mini: Mini) -> None:
    mini.questions("""
        oral_mg: {taking: magnesium, by: [oral]}
        gap: {spacing: oral_mg, from: bisphosphonates, by: [oral], intervals: magnesium-spacing}
    """)
    drug = '- {taking: alendronate, by: oral, times: ["07:00"], days: [mon]}\n'
    mg = '- {taking: magnesium oxide, by: oral, times: ["%s"]%s}'
    words = {time: mini.ask("gap", drug + mg % (time, "")).word for time in ("07:00", "07:30", "09:00", "05:01", "05:00")}
    assert words == {"07:00": "too close", "07:30": "close", "09:00": "apart", "05:01": "too close", "05:00": "apart"}
    assert not mini.ask("gap", drug + mg % ("07:00", ", days: [tue]")).present
    assert mini.ask("gap", drug + "- {taking: magnesium oxide, by: oral}").word == "times unknown"
    worst = mini.ask("gap", drug + mg % ("07:00", ""))
    assert worst.parts["safe_time"] == "21:00"
    assert [because.word for because in worst.because] == ["alendronate 07:00", "magnesium oxide 07:00"]


def test_two_that_must_never_be_taken_together_have_no_safe_time(mini: Mini) -> None:
    mini.questions("""
        oral_mg: {taking: magnesium, by: [oral]}
        gap: {spacing: oral_mg, from: raltegravir, by: [oral], intervals: magnesium-spacing}
    """)
    lines = '- {taking: raltegravir, by: oral, times: ["07:00"]}\n- {%s: magnesium oxide, by: oral, times: ["19:00"]}'
    answer = mini.ask("gap", lines % "draft", "order-sign")
    assert (answer.word, answer.drafted, answer.parts["safe_time"]) == ("never together", True, "")
    assert answer.parts["interval"] == "not together at any time"
    assert mini.ask("gap", lines % "taking").drafted is False


def test_a_safe_time_is_far_from_every_dose_of_the_drug_and_none_is_known_where_a_dose_has_no_written_time(mini: Mini) -> None:
    mini.questions("""
        oral_mg: {taking: magnesium, by: [oral]}
        gap: {spacing: oral_mg, from: bisphosphonates, by: [oral], intervals: magnesium-spacing}
    """)
    lines = '- {taking: alendronate, by: oral%s}\n- {taking: magnesium oxide, by: oral, times: ["07:00"]}'
    answer = mini.ask("gap", lines % "")
    assert (answer.word, answer.parts["safe_time"]) == ("times unknown", "")
    assert (answer.parts["drug_times"], answer.parts["product_times"]) == ("times not recorded", "07:00")
    assert mini.ask("gap", lines % ', times: ["07:00", "21:00"]').parts["safe_time"] == "18:00"  # far enough from both
    library, _ = mini.build()
    assert library is not None
    chart = chart_of(case(lines % ""), library.terminology)
    drug, product = chart.uses
    for times in ((), (Times((420,)), Times(None))):  # no instruction at all; one of two without a time
        uses = (drug._replace(dosing=Dosing(times=times)), product)
        assert Engine(library).evaluate(replace(chart, uses=uses)).answers["gap"].parts["safe_time"] == ""


def test_a_safe_time_for_one_drug_is_not_too_close_to_another(mini: Mini) -> None:
    mini.questions("""
        oral_mg: {taking: magnesium, by: [oral]}
        gap: {spacing: oral_mg, from: bisphosphonates, by: [oral], intervals: magnesium-spacing}
    """)
    lines = """
        - {taking: alendronate, by: oral, times: ["07:00"]}
        - {taking: magnesium oxide, by: oral, times: ["07:00"]}
    """
    other = lines + "    - {taking: %s, by: %s%s}"
    assert mini.ask("gap", lines).parts["safe_time"] == "21:00"
    assert mini.ask("gap", other % ("levothyroxine", "oral", ', times: ["22:00"]')).parts["safe_time"] == "18:00"
    assert mini.ask("gap", other % ("levothyroxine", "intravenous", ', times: ["22:00"]')).parts["safe_time"] == "21:00"
    assert mini.ask("gap", other % ("levothyroxine", "oral", "")).parts["safe_time"] == ""
    assert mini.ask("gap", other % ("raltegravir", "oral", ', times: ["12:00"]')).parts["safe_time"] == ""


def test_has_is_any_of_some_conditions_with_the_onset_that_is_asked_for(mini: Mini) -> None:
    mini.questions("""
        ckd: {has: [ckd-4, ckd-5]}
        lately: {has: tetany, onset: within 7 days}
        acute: {has: tetany, onset: within 7 days, onset_unwritten: today}
        assumed: {has: dialysis, if_missing: assume absent}
    """)
    assert mini.ask("ckd", "- {has: ckd-5}").present
    assert [because.word for because in mini.ask("ckd", "- {has: ckd-5}").because] == ["ckd-5"]
    assert not mini.ask("lately", "- {has: tetany}").present
    assert mini.ask("acute", "- {has: tetany}").present
    assert not mini.ask("acute", "- {has: tetany, since: 8 days ago}").present
    silent = "- {not_supplied: [conditions, procedures]}"
    assert not mini.ask("ckd", silent).known
    assert mini.ask("assumed", silent).known


def test_pending_is_an_open_order(mini: Mini) -> None:
    mini.questions("mg_order: {pending: serum-magnesium-order}")
    assert mini.ask("mg_order", "- {ordered: serum-magnesium-order}").present
    answer = mini.ask("mg_order", "- {ordered: serum-magnesium-order}")
    assert [because.reference for because in answer.because] == ["Case/0"]
    assert (mini.ask("mg_order").known, mini.ask("mg_order").present) == (True, False)
    assert not mini.ask("mg_order", "- {not_supplied: [orders]}").known


def test_booked_is_a_planned_procedure_within_so_many_days(mini: Mini) -> None:
    mini.questions("operation: {booked: general-anaesthesia, due: within 14 days}")
    operation = mini.ask("operation", "- {booked: general-anaesthesia, due: in 14 days}")
    assert (operation.present, operation.because[0].date) == (True, operation.parts["on"])
    assert not mini.ask("operation", "- {booked: general-anaesthesia, due: in 15 days}").present
    assert not mini.ask("operation", "- {booked: general-anaesthesia}").present


def test_intake_is_a_long_enough_record_and_what_supplements_add(mini: Mini) -> None:
    mini.questions("""
        oral_mg: {taking: magnesium, by: [oral]}
        sum: {total: magnesium, from: oral_mg, as: mg/day}
        diet: {intake: magnesium, within: 180 days, recorded_for: at least 3 days, plus: sum}
        any: {intake: magnesium, within: 180 days}
    """)
    assert mini.ask("any", "- {intake: magnesium-intake, value: 200 mg/day, recorded_for: 1 day}").value == 200
    supplement = "- {taking: magnesium (elemental) 100 mg tablet, by: oral, dose: 100 mg}\n"
    record = "- {intake: magnesium-intake, value: 200 mg/day, taken: %s, recorded_for: %s}"
    both = mini.ask("diet", supplement + record % ("180 days ago", "3 days"))
    assert (both.value, both.oldest, both.parts["on"]) == (
        300,
        180,
        mini.ask("any", record % ("180 days ago", "3 days")).parts["on"],
    )
    assert [because.value for because in both.because] == [200, 100]
    assert both.names == ("magnesium-intake",)
    assert both.why.endswith("from food, and 100 mg/day from supplements")
    assert not mini.ask("diet", record % ("181 days ago", "3 days")).present
    assert not mini.ask("diet", record % ("today", "2 days")).present


def test_table_looks_a_number_up_and_may_multiply_it(mini: Mini) -> None:
    mini.questions("limit: {table: magnesium-ul, by: [age]}\ntwice: {table: magnesium-ul, by: [age], times: 2}")
    child = mini.ask("limit", "- {patient: male, age: 8 years}")
    assert (child.value, child.present, child.unit) == (110, True, "mg/day")
    assert mini.ask("twice", "- {patient: male, age: 8 years}").value == 220
    infant = mini.ask("limit", "- {patient: male, age: 0 years}")
    assert infant.known
    assert not infant.present
    assert "no upper limit" in infant.why


def test_table_by_life_stage_is_not_known_where_the_stage_may_matter(mini: Mini) -> None:
    mini.questions("rda: {table: magnesium-rda, by: [age, sex, life-stage]}")
    woman = "- {patient: female, age: 25 years}\n"
    assert mini.ask("rda", woman).value == 310
    assert mini.ask("rda", woman + "- {has: pregnancy}").value == 350
    assert mini.ask("rda", woman + "- {has: lactation}").value == 310
    assert not mini.ask("rda", woman + "- {not_supplied: [conditions]}").known
    assert mini.ask("rda", "- {patient: male, age: 25 years}\n- {not_supplied: [conditions]}").value == 400
    assert not mini.ask("rda", "- {patient: unknown, age: 25 years}").known


def test_table_counts_infants_in_months(mini: Mini) -> None:
    mini.questions("rda: {table: magnesium-rda, by: [age, sex, life-stage]}")
    library, _ = mini.build()
    assert library is not None
    rows = library.tables["magnesium-rda"]
    values = {months: rows.find(months=months, sex="male") for months in (0, 6, 7, 11, 12, 47, 48)}
    assert [str(row.value.value) for row in values.values() if row and row.value] == ["30", "30", "75", "75", "80", "80", "130"]


def test_first_that_holds_gives_a_word_and_names_what_it_passed_over(mini: Mini) -> None:
    mini.questions("""
        serum_mg: {latest: serum-magnesium, as: mg/dL}
        ckd: {has: ckd-4}
        state:
          first_that_holds:
            - low: {serum_mg: {below: 1.70 mg/dL}}
            - kidneys: {ckd: present}
            - fine: otherwise
          source: expert
    """)
    assert mini.ask("state", "- {lab: serum-magnesium, value: 1.5 mg/dL}\n- {has: ckd-4}").word == "low"
    assert mini.ask("state", "- {has: ckd-4}").word == "kidneys"
    assert "ckd: on the record: ckd-4" in mini.ask("state", "- {has: ckd-4}").why
    assert mini.ask("state").why == "fine (none of the lines above it holds)"
    unsure = mini.ask("state", "- {not_supplied: [magnesium]}")
    assert (unsure.word, unsure.missing) == ("fine", ("serum_mg",))


def test_first_that_holds_without_otherwise_is_absent_or_not_known(mini: Mini) -> None:
    mini.questions("""
        ckd: {has: ckd-4}
        state:
          first_that_holds:
            - kidneys: {ckd: present}
    """)
    assert mini.ask("state").known
    assert not mini.ask("state", "- {not_supplied: [conditions]}").known


def test_first_that_holds_leaves_a_number_aside_once_a_limit_left_a_line_open(mini: Mini) -> None:
    mini.questions("""
        egfr: {latest: egfr, as: mL/min/1.73m2}
        dialysis: {has: dialysis}
        ckd: {has: ckd-5}
        state:
          first_that_holds:
            - under 30: {any: [dialysis: present, egfr: {below: 30 mL/min/1.73m2}]}
            - 30 to 59: {egfr: {below: 60 mL/min/1.73m2}}
            - 60 or more: {egfr: present}
            - under 30: {ckd: present}
            - unknown: otherwise
          source: expert
    """)

    def state(limit: str, more: str = "") -> str:
        return mini.ask("state", f'- {{lab: egfr, value: "{limit} mL/min/1.73m2"}}\n{more}').word

    assert (state("<15"), state(">60"), state(">=60"), state("45")) == ("under 30", "60 or more", "60 or more", "30 to 59")
    assert (state("<60"), state(">30"), state("<90")) == ("unknown", "unknown", "unknown")
    assert state("<60", "- {has: ckd-5}") == "under 30"
    assert state("<60", "- {has: dialysis}") == "under 30"
    assert mini.ask("state", '- {lab: egfr, value: "<60 mL/min/1.73m2"}').missing == ("egfr",)


def test_only_the_number_behind_the_limit_is_left_aside(mini: Mini) -> None:
    mini.questions("""
        egfr: {latest: egfr, as: mL/min/1.73m2}
        age: {patient: age, as: years}
        state:
          first_that_holds:
            - old and failing: {all: [egfr: {below: 30 mL/min/1.73m2}, age: {at_least: 65 years}]}
            - old: {age: {at_least: 65 years}}
            - unknown: otherwise
          source: expert
    """)
    state = mini.ask("state", '- {patient: male, age: 70 years}\n- {lab: egfr, value: "<60 mL/min/1.73m2"}')
    assert (state.word, state.missing) == ("old", ("egfr",))


def test_a_rule_that_a_limit_leaves_open_is_not_evaluable_and_says_what_is_known(mini: Mini) -> None:
    mini.questions("egfr: {latest: egfr, as: mL/min/1.73m2}")
    mini.rule(
        'when:\n  - egfr: {below: 30 mL/min/1.73m2}\nlevel: info\ncard:\n  summary: "eGFR {{ egfr }} is low."\ntriggers: [egfr]\n',
        backs="egfr.below",
    )
    assert mini.outcome('- {lab: egfr, value: "<60 mL/min/1.73m2"}') == "data-missing"
    assert mini.outcome('- {lab: egfr, value: ">60 mL/min/1.73m2"}') == "not-fired"
    unsure = mini.evaluate('- {lab: egfr, value: "<60 mL/min/1.73m2"}')
    assert explain(unsure)[0].missing == ("eGFR (only known to be <60 mL/min/1.73m2)",)
    fired = mini.evaluate('- {lab: egfr, value: "<15 mL/min/1.73m2"}')
    cards = respond(fired, service_id="s", hook_instance="h", public_url="", incomplete_card=False)["cards"]
    assert cards[0]["summary"] == "eGFR <15 mL/min/1.73m2 is low."
    assert "eGFR: <15 mL/min/1.73m2, " in cards[0]["detail"]
    because = cards[0]["extension"]["org.mgcds.findings"][0]["because"][0]
    assert (because["word"], because["unit"], "value" in because) == ("<15", "mL/min/1.73m2", False)
