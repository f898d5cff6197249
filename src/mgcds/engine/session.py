"""Runs durable-rules over the answers of one chart: definitions first, then the rules, card group by card group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock

from mgcds.engine.answer import Answer
from mgcds.engine.compile import HOOK, compile_conditions, compile_definitions, compile_rule, fact_of
from mgcds.engine.durable import Ruleset
from mgcds.engine.narrowing import Found, Kinds, Narrowed
from mgcds.engine.patterns import Fact, Rule
from mgcds.language.library import Asked, Library, LinkedRule
from mgcds.language.when import asks

POLICY = "@policy"


@dataclass(frozen=True, slots=True)
class Ruling:
    """What durable-rules makes of a hook: words of definitions, level (None: does not hold) and focus of each rule."""

    words: Mapping[str, str]
    levels: Mapping[str, str | None]
    focused: Mapping[str, bool]
    suppressing: frozenset[int]  # numbers of the policy's suppressions whose condition holds


@dataclass(frozen=True, slots=True)
class _Compiled:
    """One hook: definitions in layers, each with its durable rules, and everything else.

    A layer has its rules twice: as its lines hold, and as they may hold of a number that is known only within limits.
    """

    layers: tuple[tuple[tuple[Asked, ...], Narrowed, Narrowed], ...]
    defined: frozenset[str]
    rules: Narrowed
    kinds: Kinds  # of the layers and the rules
    focused: Mapping[str, bool]  # rules that need no trigger to be in focus
    # The facts of answers that hold nothing of a patient, by question: "absent" and "not known" are the same objects in
    # every run, and most answers are such. With this a run took 0.95 ms instead of 1.4.
    kept: dict[str, tuple[Answer, Found]]

    def found(self, answer: Answer) -> Found:
        """The fact of an answer, and for which kinds of pattern it may do: none where no rule could use it."""
        key = answer.key
        kept = self.kept.get(key)
        if kept is not None and kept[0] is answer:
            return kept[1]
        fact = fact_of(answer)
        found = (self.kinds.met_by(key, fact), key, fact)
        if not answer.present and not answer.because and not answer.notes:
            self.kept[key] = (answer, found)
        return found


class Session:
    """The compiled rulesets of one library. Compiled once a hook; safe to call from several threads."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._compiled: dict[str, _Compiled] = {}
        # Hooks share the rulesets in which they do not differ: 23 instead of 38 for six hooks, a third of their memory.
        self._rulesets: dict[tuple[Rule, ...], Ruleset] = {}
        self._lock = Lock()

    def _of(self, hook: str) -> _Compiled:
        with self._lock:
            if hook not in self._compiled:
                surely = compile_definitions(self._library, hook)
                perhaps = compile_definitions(self._library, hook, perhaps=True)
                kinds = Kinds()
                layers = tuple(
                    (
                        tuple(defined),
                        Narrowed(f"definitions-{number}-{hook}", [rules], kinds, self._rulesets),
                        Narrowed(f"perhaps-{number}-{hook}", [may], kinds, self._rulesets),
                    )
                    for number, ((defined, rules), (_, may)) in enumerate(zip(surely, perhaps, strict=True))
                )
                order_hooks = self._library.policy.order_hooks
                groups: dict[str, list[Rule]] = {}
                for rule in self._library.rules_at(hook):
                    groups.setdefault(rule.group, []).extend(compile_rule(rule, with_focus=hook in order_hooks))
                for number, row in enumerate(self._library.suppress):
                    groups.setdefault(POLICY, []).extend(compile_conditions(f"{POLICY}|{number}", [row.when]))
                defined = frozenset(asked.key for asked in self._library.questions_at(hook) if asked.lines)
                focused = {rule.id: hook not in order_hooks or not rule.triggers for rule in self._library.rules_at(hook)}
                rulesets = Narrowed(f"rules-{hook}", [rules for _, rules in sorted(groups.items())], kinds, self._rulesets)
                self._compiled[hook] = _Compiled(layers, defined, rulesets, kinds, focused, {})
            return self._compiled[hook]

    def close(self) -> None:
        """Gives the memory of the compiled rulesets back: without it each library that was replaced would stay for ever."""
        with self._lock:
            for ruleset in self._rulesets.values():
                ruleset.close()

    def run(self, answers: Mapping[str, Answer], hook: str) -> Ruling:
        """The ruling on answers that were asked of the chart; definitions among them are ignored and made anew."""
        compiled = self._of(hook)
        found = compiled.kinds.found({HOOK: {"q": HOOK, "word": hook}})
        for key, answer in answers.items():
            if key not in compiled.defined and (one := compiled.found(answer))[0]:
                found.append(one)
        words: dict[str, str] = {}
        for defined, ruleset, perhaps in compiled.layers:
            lines = _fired(ruleset, found)
            made = {asked.key: _word(asked, lines, found, compiled.kinds, ruleset, perhaps) for asked in defined}
            # Without a word it is absent or not known; which of the two, only the referee can say.
            words |= {key: word or "" for key, word in made.items()}
            found += compiled.kinds.found({key: _defined(key, word, answers[key].focus) for key, word in made.items()})
        held = _fired(compiled.rules, found)
        levels: dict[str, str | None] = dict.fromkeys(compiled.focused)
        focused = dict(compiled.focused)
        for rule_id in {name.partition("|")[0] for name in held} - {POLICY}:
            rule = self._library.rules[rule_id]
            levels[rule_id] = _level(rule, held)
            if not focused[rule_id]:
                focused[rule_id] = any(f"{rule_id}|focus {number}" in held for number in range(len(rule.triggers)))
        suppressing = frozenset(n for n in range(len(self._library.suppress)) if f"{POLICY}|{n}" in held)
        return Ruling(words, levels, focused, suppressing)


def _fired(ruleset: Narrowed, found: Sequence[Found]) -> set[str]:
    """The names of what holds, without the numbers of their branches."""
    return {name.rpartition("|")[0] for name in ruleset.run(found)}


def _defined(key: str, word: str | None, focus: bool) -> Fact:
    """The fact of a `first_that_holds` question."""
    return fact_of(Answer(key, known=word is not None, present=word is not None, word=word or "", focus=focus))


def _word(
    asked: Asked, lines: set[str], found: Sequence[Found], kinds: Kinds, ruleset: Narrowed, perhaps: Narrowed
) -> str | None:
    """The word of the first line that holds.

    Where a line may hold of a number that is known only within limits, the lines after it are run without that number.
    """
    for number, (word, condition) in enumerate(asked.lines):
        name = f"{asked.key}|{number}"
        if condition is None or name in lines:
            return word
        looked_at = {ask.question for ask in asks(condition)}
        open_ = {key for _, key, fact in found if key in looked_at and "high" in fact and fact["value"] != fact["high"]}
        if open_ and name in _fired(perhaps, found):
            unknown = kinds.found({key: fact_of(Answer(key, known=False)) for key in open_})
            found = [*(one for one in found if one[1] not in open_), *unknown]
            lines = _fired(ruleset, found)
    return None


def _level(rule: LinkedRule, held: set[str]) -> str | None:
    """The level at which a rule holds, None where it does not."""
    if f"{rule.id}|when" not in held or any(f"{rule.id}|unless {number}" in held for number in range(len(rule.unless))):
        return None
    return next((name for name, condition in rule.levels if condition is None or f"{rule.id}|{name}" in held), None)
