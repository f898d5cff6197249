"""The thirteen traps of durable-rules 2.0.28, one test each, then what else the driver guards against.

Each test shows that our driver avoids the trap and, where that is cheap and safe, that the engine still has it: a release
which mends a quirk fails the test, and the workaround can go. What crashes or hangs does so in a process of its own, whose
allocator fills new memory with a pattern, so that reading what was never written does not pass by luck.
"""

import json
import os
import subprocess
import sys
import textwrap
import threading
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import durable_rules_engine as raw_engine
import pytest

from mgcds.engine import durable
from mgcds.engine.durable import EngineFailure, Ruleset
from mgcds.engine.patterns import MOST_CHARACTERS, Compare, Pattern, Ref, Rule

HELPERS = '''
import json
import durable_rules_engine as engine

END = {"end_": {"all": [{"m": {"$and": [{"kind": "go"}]}}]}}
GO = {"id": "go", "kind": "go"}

def load(rules, name="raw"):
    return engine.create_ruleset(name, json.dumps(rules))

def rule(*patterns):
    return {"all": [{f"m{n}": {"$and": tests}} for n, tests in enumerate(patterns)]}

def fire(handle, facts, sid="0", delete=True):
    """Names of the rules that fired, one a firing, without end_."""
    _, state = engine.assert_facts(handle, json.dumps([*facts, {**GO, "sid": sid}]))
    names, found = [], engine.start_action_for_state(handle, state)
    message = found[1] if found else None
    while message:
        names += json.loads(message)
        message = engine.complete_and_start_action(handle, state)
    if delete:
        engine.delete_state(handle, sid)
    return [name for name in names if name != "end_"]
'''
# Two names with one 32-bit FNV-1a hash.
TWINS = ("patient-332789", "patient-529192")


def raw(code: str, *, patience: float = 20) -> str:
    """What the bare engine prints in a process of its own, or 'died' or 'hung'."""
    environment = {**os.environ, "MALLOC_PERTURB_": "165"}
    command = [sys.executable, "-c", HELPERS + textwrap.dedent(code)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=patience, env=environment, check=False)
    except subprocess.TimeoutExpired:
        return "hung"
    if done.returncode < 0:
        return "died"
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def is_q(name: str, *more: Compare) -> Pattern:
    return Pattern((Compare("q", "==", name), *more))


def fired(rules: Sequence[Rule], *facts: Mapping[str, Any]) -> set[str]:
    return set(Ruleset("trap", rules).run(facts))


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """What the driver hands to the engine."""
    seen: dict[str, list[str]] = {"rules": [], "names": [], "facts": [], "deleted": []}
    create, send, delete = raw_engine.create_ruleset, raw_engine.assert_facts, raw_engine.delete_state

    class Recorder:
        def __getattr__(self, name: str) -> Any:
            return getattr(raw_engine, name)

        def create_ruleset(self, name: str, text: str) -> Any:
            seen["names"].append(name)
            seen["rules"].append(text)
            return create(name, text)

        def assert_facts(self, handle: Any, text: str) -> Any:
            seen["facts"].append(text)
            return send(handle, text)

        def delete_state(self, handle: Any, session: str) -> Any:
            seen["deleted"].append(session)
            return delete(handle, session)

    monkeypatch.setattr(durable, "_engine", Recorder())
    return seen


def test_trap_1_a_failing_last_join_reads_past_the_end(sent: dict[str, list[str]]) -> None:
    # Whether the engine dies of it depends on what stands past the end, so its own end is not asked for here.
    above, equal = Compare("v", ">", Ref(0, "v")), Compare("w", "==", Ref(0, "w"))
    ruleset = Ruleset("trap", [("above", (is_q("x"), is_q("y", above, equal), is_q("z", above)))])
    _, *joining = json.loads(sent["rules"][0])["0"]["all"]
    joins = [pattern["$and"] for each in joining for pattern in each.values()]
    assert [tests[-1] for tests in joins] == [{"$gte": {"pad": {"m0": "pad"}}}] * 2  # a test that never fails
    y, z = {"q": "y", "v": 6.0, "w": 2.0}, {"q": "z", "v": 6.0}
    for _ in range(200):
        assert not ruleset.run([{"q": "x", "v": 7.0, "w": 2.0}, y, z])
        assert not ruleset.run([{"q": "x", "v": 5.0, "w": 1.0}, y, z])
    assert ruleset.run([{"q": "x", "v": 5.0, "w": 2.0}, y, z]) == {"above"}


def test_trap_2_deleting_a_session_in_which_nothing_fired_crashes() -> None:
    ruleset = Ruleset("trap", [("x", (is_q("x"),))])
    assert not ruleset.run([])
    assert not ruleset.run([{"q": "y"}])
    assert (
        raw("""
        handle = load({"x": rule([{"q": "x"}])})
        engine.assert_facts(handle, json.dumps([{"id": "1", "q": "y"}]))
        engine.delete_state(handle, "0")
        print("lives")
        """)
        == "died"
    )


def test_trap_3_too_many_sessions_or_rules() -> None:
    ruleset = Ruleset("trap", [("x", (is_q("x"),))])
    assert all(ruleset.run([{"q": "x"}]) for _ in range(1_100))
    assert (
        raw("""
        handle = load(END)
        try:
            for number in range(1_030):
                fire(handle, [], f"s{number}", delete=False)
        except MemoryError:
            print(number)
        """)
        == "1024"
    )

    many: list[Rule] = [(f"r{n}", (is_q("x", Compare("v", ">", n + 0.5)),)) for n in range(700)]
    assert fired(many, {"q": "x", "v": 650.0}) == {f"r{n}" for n in range(650)}
    assert raw(
        """
        many = {f"r{n}": rule([{"q": "x"}, {"$gt": {"v": n + 0.5}}]) for n in range(512)}
        print(len(fire(load({**many, **END}), [{"id": "1", "q": "x", "v": 3.0}])))
        """,
        patience=2,
    ) in {"died", "hung"}


def test_trap_4_patients_whose_ids_collide_share_a_session(sent: dict[str, list[str]]) -> None:
    rules: list[Rule] = [("both", (is_q("x"), is_q("y")))]
    ruleset = Ruleset("trap", rules)
    first, second = TWINS
    assert not ruleset.run([{"q": "x", "sid": first, "patient": first}])
    assert not ruleset.run([{"q": "y", "sid": second, "patient": second}])
    assert {fact["sid"] for text in sent["facts"] for fact in json.loads(text)} == set(sent["deleted"]) == {"0"}
    assert not any(twin in text for text in sent["facts"] for twin in TWINS)
    assert (
        raw(f'''
        handle = load({{"both": rule([{{"q": "x"}}], [{{"q": "y"}}]), **END}})
        fire(handle, [{{"id": "1", "sid": "{first}", "q": "x"}}], "{first}", delete=False)
        print(fire(handle, [{{"id": "2", "sid": "{second}", "q": "y"}}], "{second}", delete=False))
        ''')
        == "['both']"
    )


def test_trap_5_facts_whose_ids_collide_are_one_fact() -> None:
    rules: list[Rule] = [("two", (is_q("x"), is_q("x"))), ("ids", (is_q("x", Compare("id", "==", TWINS[1])),))]
    assert fired(rules, *({"q": "x", "id": twin} for twin in TWINS)) == {"two", "ids"}
    assert (
        raw(f'''
        handle = load({{"two": rule([{{"q": "x"}}], [{{"q": "x"}}]), **END}})
        print(fire(handle, [{{"id": "{TWINS[0]}", "q": "x"}}, {{"id": "{TWINS[1]}", "q": "x"}}]))
        ''')
        == "[]"
    )
    ours = ["first", "last", "sid-0", *(f"f{number}" for number in range(20_000))]
    assert len({fnv_1a(name) for name in ours}) == len(ours)
    assert fnv_1a(TWINS[0]) == fnv_1a(TWINS[1])


def fnv_1a(text: str) -> int:
    value = 0x811C9DC5
    for byte in text.encode():
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value


def test_trap_6_negation_depends_on_the_order_of_facts(sent: dict[str, list[str]]) -> None:
    absent: list[Rule] = [("a", (is_q("x"), is_q("y", Compare("known", "==", 0.0)), is_q("z")))]
    facts: list[Mapping[str, Any]] = [{"q": "x"}, {"q": "y", "known": 1.0}, {"q": "z"}]
    assert not fired(absent, *facts)
    assert not fired(absent, *reversed(facts))
    assert "$not" not in "".join(sent["rules"])
    for op in ("not", "!=", "$not", "$nex"):
        with pytest.raises(ValueError, match="unknown operator"):
            Ruleset("trap", [("a", (Pattern((Compare("q", op, "x"),)),))])
    assert (
        raw("""
        rules = {"a": {"all": [{"m0": {"q": "x"}}, {"m1$not": {"q": "y"}}, {"m2": {"q": "z"}}]}, **END}
        x, y, z = ({"id": name, "q": name} for name in "xyz")
        handle = load(rules)
        print(fire(handle, [x, y, z]), fire(handle, [y, x, z]))
        """)
        == "['a'] []"
    )


def test_trap_7_a_nested_or_drops_the_joins_after_it(sent: dict[str, list[str]]) -> None:
    first, below = is_q("x"), Compare("u", ">", Ref(0, "u"))
    rules: list[Rule] = [(f"a|{f}", (first, is_q("y", Compare(f, ">", Ref(0, f)), below))) for f in "vw"]
    x: dict[str, Any] = {"id": "x", "q": "x", "v": 1.0, "w": 1.0, "u": 1.0, "pad": 1.0}
    y = {"id": "y", "q": "y", "v": 2.0, "w": 2.0, "u": 0.0, "pad": 1.0}
    assert not fired(rules, x, y)
    assert fired(rules, x, {**y, "u": 2.0, "w": 0.0}) == {"a|v"}
    assert "$or" not in "".join(sent["rules"])
    assert (
        raw(f"""
        def above(name): return {{"$gt": {{name: {{"m0": name}}}}}}
        tests = [{{"q": "y"}}, {{"$or": [above("v"), above("w")]}}, above("u"), {{"$gte": {{"pad": {{"m0": "pad"}}}}}}]
        print(fire(load({{"a": rule([{{"q": "x"}}], tests), **END}}), [{x}, {y}]))
        """)
        == "['a']"
    )


@pytest.mark.parametrize("op", ["==", "<=", ">="])
def test_trap_8_a_join_on_a_missing_property_aborts_the_assert(op: str) -> None:
    rules: list[Rule] = [("j", (is_q("x"), is_q("y", Compare("v", op, Ref(0, "w"))))), ("z", (is_q("z"),))]
    x, y, z = {"q": "x"}, {"q": "y"}, {"q": "z"}
    assert fired(rules, x, y, z) == {"z"}
    assert fired(rules, {**x, "w": 1.0}, y, z) == {"z"}
    assert fired(rules, x, {**y, "v": 1.0}, z) == {"z"}
    assert fired(rules, {**x, "w": 1.0}, {**y, "v": 1.0}, z) == {"j", "z"}
    assert raw("""
        joins = [{"q": "y"}, {"$gt": {"v": {"m0": "v"}}}, {"$gte": {"pad": {"m0": "pad"}}}]
        handle = load({"j": rule([{"q": "x"}], joins), **END})
        try:
            fire(handle, [{"id": "x", "q": "x", "pad": 1.0}, {"id": "y", "q": "y", "v": 1.0, "pad": 1.0}])
        except engine.error as error:
            print(error)
        """).endswith("311")


def test_trap_9_values_of_different_types_are_mixed_up() -> None:
    same: list[Rule] = [("same", (is_q("x"), is_q("y", Compare("v", "==", Ref(0, "v")))))]

    def join(one: Any, other: Any) -> bool:
        return bool(fired(same, {"q": "x", "v": one}, {"q": "y", "v": other}))

    assert join(3, 3.0)
    assert join(0.0, -0.0)
    assert join(5e-7, 5e-7)
    assert join(1e22, 10**22)
    assert join("3", "3")
    assert not join("3", 3.0)
    assert not join("3.0", 3.0)
    assert not join("3.000000", 3.0)
    assert not join("n3.0", 3.0)
    assert not join(1e-9, 2e-9)
    one: list[Rule] = [
        ("below", (Pattern((Compare("v", "<", 0.7),)),)),
        ("three", (Pattern((Compare("v", "==", 3.0),)),)),
        ("tiny", (Pattern((Compare("v", "==", 5e-7),)),)),
        ("vast", (Pattern((Compare("v", ">", 1e300),)),)),
        ("word", (Pattern((Compare("v", "==", "3"),)),)),
    ]
    ruleset = Ruleset("trap", one)
    cases: list[tuple[Any, set[str]]] = [
        ("0.5", set()), (0.5, {"below"}), (3, {"three"}), ("3", {"word"}), ("3.0", set()),
        (5e-7, {"below", "tiny"}), (6e-7, {"below"}), (1.1e300, {"vast"}), (-1e300, {"below"}), (-0.0, {"below"}),
    ]  # fmt: skip
    for value, expected in cases:
        assert ruleset.run([{"v": value}]) == expected, value
    for unfit in (float("nan"), float("inf"), -float("inf"), True, None, [1.0], 10**400, "x" * 5_001):
        with pytest.raises(ValueError, match=r"^v: neither"):
            ruleset.run([{"v": unfit}])  # type: ignore[dict-item]
    assert (
        raw("""
        join = [{"q": "y"}, {"v": {"m0": "v"}}, {"$gte": {"pad": {"m0": "pad"}}}]
        handle = load({"same": rule([{"q": "x"}], join), **END})
        for one, other in (3, 3.0), (3, "3"), (0.0, -0.0):
            x = {"id": "x", "q": "x", "v": one, "pad": 1.0}
            print(fire(handle, [x, {**x, "id": "y", "q": "y", "v": other}]), end=" ")
        handle = load({"below": rule([{"$lt": {"v": 0.7}}]), **END}, "other")
        print(fire(handle, [{"id": "1", "v": "0.5"}]), end=" ")
        code, state = engine.assert_facts(handle, '[{"id": "1", "q": "x"}, {"id": "2", "v": 5e-7}, {"id": "3", "kind": "go"}]')
        print(code, engine.start_action_for_state(handle, state))  # no error, but the rest of the batch is gone
        """)
        == "[] ['same'] [] ['below'] 1 None"
    )


def test_trap_10_malformed_rules_load_without_a_word() -> None:
    x = is_q("x")
    malformed: list[tuple[Any, ...]] = [
        (),
        (Pattern(()),),
        (x, Pattern(())),
        (x, is_q("y", Compare("v", "==", Ref(1, "v")))),
        (is_q("y", Compare("v", "==", Ref(0, "v"))),),
        (x, is_q("y", Compare("v", "==", Ref(-1, "v")))),
        (x, is_q("y", Compare("v", "==", Ref(7, "v")))),
        (is_q("x", Compare("v", "=", 1.0)),),
        (is_q("x", Compare("v", "<", float("nan"))),),
        (is_q("x", Compare("v", "==", float("inf"))),),
        (is_q("x", Compare("v", "<", "word")),),
        (is_q("x", Compare("v", "==", True)),),
        (is_q("x", Compare("v", "==", None)),),  # type: ignore[arg-type]
        (x,) * 17,
    ]
    for patterns in malformed:
        with pytest.raises(ValueError, match="rule 'a'"):
            Ruleset("trap", [("fine", (x,)), ("a", patterns)])
    with pytest.raises(ValueError, match="two rules of one name"):
        Ruleset("trap", [("a", (x,)), ("a", (is_q("y"),))])
    with pytest.raises(ValueError, match="must have a name"):
        Ruleset("trap", [("", (x,))])
    assert (
        raw("""
        unknown = {"$lt": {"v": {"nobody": "v"}}}
        for n, rules in enumerate([{}, {"a": {}}, {"a": {"all": []}}, {"a": rule([])}, {"a": rule([unknown])}]):
            print(load(rules, f"raw{n}"), end="")
        """)
        == "12345"
    )


def test_trap_11_one_fact_cannot_fill_two_patterns() -> None:
    """The engine is right to want different facts; the trap is to forget it. The compiler merges tests on one fact."""
    rules: list[Rule] = [
        ("two", (is_q("x"), Pattern((Compare("v", ">", 0.5),)))),
        ("one", (is_q("x", Compare("v", ">", 0.5)),)),
    ]
    fact = {"q": "x", "v": 1.0}
    assert fired(rules, fact) == {"one"}
    assert fired(rules, fact, {"v": 1.0}) == {"one", "two"}


def test_trap_12_a_rule_fires_once_for_each_matching_tuple() -> None:
    """The driver cannot help: it reports a rule once, but pays for each firing. The caller consolidates facts first."""
    rules: list[Rule] = [("pair", (is_q("x"), is_q("x")))]
    assert fired(rules, *({"q": "x"} for _ in range(20))) == {"pair"}
    assert raw("""
        handle = load({"pair": rule([{"q": "x"}], [{"q": "x"}]), **END})
        print(len(fire(handle, [{"id": str(n), "q": "x"} for n in range(20)])))
        """) == str(20 * 19)


def test_trap_13_threads_take_turns_and_python_3_13_is_out() -> None:
    """The engine holds the GIL, but between its calls another thread could step into the session. The lock forbids it."""
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]
    assert "<3.13" in project["requires-python"]
    assert "durable-rules==2.0.28" in project["dependencies"]
    ruleset = Ruleset("trap", [("low", (is_q("x", Compare("v", "<", 0.5)),)), ("both", (is_q("x"), is_q("x")))])
    wrong: list[object] = []

    def work(low: bool) -> None:
        for _ in range(150):
            found = ruleset.run([{"q": "x", "v": 0.0 if low else 1.0}])
            if found != (frozenset({"low"}) if low else frozenset()):
                wrong.append(found)

    switch = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work, args=(number % 2 == 0,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(switch)
    assert not wrong


# --- further limits of the C code, found while building the driver


def test_more_than_64_tests_that_hold_of_one_fact_overflow_a_stack() -> None:
    many: list[Rule] = [(f"r{n}", (Pattern((Compare("v", ">", float(n)),)),)) for n in range(130)]
    assert len(fired(many, {"v": 1_000.0})) == 130
    assert raw("""
        handle = load({**{f"r{n}": rule([{"$gt": {"v": n + 0.5}}]) for n in range(65)}, **END})
        try:
            fire(handle, [{"id": "1", "v": 1_000.0}])
        except engine.error as error:
            print(error)
        """).endswith("303")


def test_more_than_256_rules_that_share_a_pattern_overrun_a_list() -> None:
    many: list[Rule] = [(f"r{n}", (is_q("x"), is_q(f"y{n}"))) for n in range(300)]
    assert fired(many, {"q": "x"}, {"q": "y7"}, {"q": "y299"}) == {"r7", "r299"}


def test_a_rule_may_have_sixteen_patterns() -> None:
    rule: Rule = ("all", tuple(is_q(f"q{n}") for n in range(16)))
    facts = [{"q": f"q{n}"} for n in range(16)]
    assert fired([rule], *facts) == {"all"}
    assert not fired([rule], *facts[1:])


def test_a_pattern_with_more_joins_than_fit_does_not_load() -> None:
    def rules(joins: int) -> list[Rule]:
        return [("a", (is_q("x"), is_q("y", *(Compare("v", ">=", Ref(0, f"w{n}")) for n in range(joins)))))]

    x = {"q": "x", **{f"w{n}": 1.0 for n in range(29)}}
    assert fired(rules(28), x, {"q": "y", "v": 1.0}) == {"a"}
    assert not fired(rules(28), {**x, "w27": 2.0}, {"q": "y", "v": 1.0})
    with pytest.raises(EngineFailure, match="ruleset 'trap'"):
        Ruleset("trap", rules(29))


def test_a_fact_with_more_properties_than_fit_is_a_failure_not_a_silent_no() -> None:
    fields = [f"w{n}" for n in range(300)]
    wide: Rule = ("wide", (is_q("x", *(Compare(field, "==", 1.0) for field in fields)),))
    ruleset = Ruleset("trap", [wide, ("y", (is_q("y"),))])
    for _ in range(3):
        with pytest.raises(EngineFailure, match="last fact"):
            ruleset.run([{"q": "y"}, {"q": "x", **dict.fromkeys(fields, 1.0)}])
        with pytest.raises(EngineFailure, match="last fact"):
            ruleset.run([{"q": "x", **dict.fromkeys(fields, 1.0)}, {"q": "y"}])
        assert ruleset.run([{"q": "y"}]) == {"y"}


def test_a_word_of_the_wrong_length_is_not_mistaken_for_another() -> None:
    long = "abc" + "x" * 65_536
    with pytest.raises(ValueError, match="at most"):
        fired([("a", (Pattern((Compare("v", "==", "abc"),)),))], {"v": long})
    longest = "\U0001f9ea" * MOST_CHARACTERS
    rules: list[Rule] = [("same", (Pattern((Compare("v", "==", longest),)),)), ("a", (Pattern((Compare("v", "==", "a"),)),))]
    assert fired(rules, {"v": longest}) == {"same"}
    assert (
        raw("""
        print(fire(load({"a": rule([{"v": "abc"}]), **END}), [{"id": "1", "v": "abc" + "x" * 65_536}]))
        """)
        == "['a']"
    )


# --- the driver's own promises


def test_no_field_or_name_of_a_caller_is_mistaken_for_one_of_ours() -> None:
    fields = ["id", "sid", "pad", "kind", "$s", "$and", "$m", "$lt", "m0", "a.b", "", "=q", 'quo"te', "größe", "end_"]
    for field in fields:
        for value in ("go", 'a"}],{\\', "end_", "", "\ud800", "nul\0"):
            rules: list[Rule] = [(field + "!", (Pattern((Compare(field, "==", value),)),)), ("end_", (is_q("never"),))]
            assert fired(rules, {field: value}, {field: value + "x"}) == {field + "!"}
            assert not fired(rules, {field: value + "x"}, {"end": "end_", "q": "go"})
    assert fired([("go", (Pattern((Compare("kind", "==", "go"),)),)), ("x", (is_q("x"),))], {"q": "x"}) == {"x"}


def test_an_error_leaves_no_session_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    ruleset = Ruleset("trap", [("both", (is_q("x"), is_q("y")))])

    def fail(*_: object) -> None:
        raise raw_engine.error("error code: 1")

    for call in ("start_action_for_state", "complete_and_start_action"):
        with monkeypatch.context() as patch:
            patch.setattr(raw_engine, call, fail)
            with pytest.raises(EngineFailure, match="error code"):
                ruleset.run([{"q": "x"}])
        assert not ruleset.run([{"q": "y"}])
    with monkeypatch.context() as patch:
        patch.setattr(raw_engine, "start_action_for_state", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            ruleset.run([{"q": "x"}])
    assert not ruleset.run([{"q": "y"}])


def test_facts_left_behind_by_a_failed_deletion_are_never_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    ruleset = Ruleset("trap", [("both", (is_q("x"), is_q("y")))])
    keep = raw_engine.delete_state
    monkeypatch.setattr(raw_engine, "delete_state", lambda *_: None)
    assert not ruleset.run([{"q": "x"}])
    with pytest.raises(EngineFailure, match="not start empty"):
        ruleset.run([{"q": "y"}])
    monkeypatch.setattr(raw_engine, "delete_state", keep)
    with pytest.raises(EngineFailure, match="not start empty"):
        ruleset.run([{"q": "y"}])
    assert not ruleset.run([{"q": "y"}])


def test_names_of_rulesets_may_repeat(sent: dict[str, list[str]]) -> None:
    assert Ruleset("same", []).run([{"q": "x"}]) == frozenset()
    assert Ruleset("same", [("x", (is_q("x"),))]).run([{"q": "x"}]) == {"x"}
    assert len(set(sent["names"])) == len(sent["names"]) == 2


def test_the_json_of_a_rule(sent: dict[str, list[str]]) -> None:
    Ruleset("json", [("a", (is_q("x"), is_q("y", Compare("v", ">", Ref(0, "w")), Compare("u", "<", 5e-7))))])
    assert json.loads(sent["rules"][0])["0"] == {
        "all": [
            {"m0": {"$and": [{"=q": "sx"}, {"$ex": {"<w": 1}}]}},
            {
                "m1": {
                    "$and": [
                        {"=q": "sy"},
                        {"$lt": {"<u": 5e-7}},
                        {"$ex": {"<v": 1}},
                        {"$gt": {"<v": {"m0": "<w"}}},
                        {"$gte": {"pad": {"m0": "pad"}}},
                    ]
                }
            },
        ]
    }
    assert "0.0000005" in sent["rules"][0]
