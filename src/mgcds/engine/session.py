"""Runs durable-rules over the answers of one chart: definitions first, then the rules, card group by card group."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock

from mgcds.engine.answer import Answer
from mgcds.engine.compile import HOOK, compile_conditions, compile_definitions, compile_rule, fact_of
from mgcds.engine.durable import Rule, Ruleset
from mgcds.language.library import Library

POLICY = "@policy"


@dataclass(frozen=True, slots=True)
class Ruling:
    """What durable-rules makes of a hook: words of definitions, level (None: does not hold) and focus of each rule."""

    words: Mapping[str, str]
    levels: Mapping[str, str | None]
    focused: Mapping[str, bool]
    suppressing: frozenset[int]  # numbers of the policy's suppressions whose condition holds


class Session:
    """The compiled rulesets of one library. Compiled once a hook; safe to call from several threads."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._compiled: dict[str, tuple[list[Ruleset], list[Ruleset]]] = {}
        self._lock = Lock()

    def _rulesets(self, hook: str) -> tuple[list[Ruleset], list[Ruleset]]:
        with self._lock:
            if hook not in self._compiled:
                layers = [
                    Ruleset(f"definitions-{number}-{hook}", rules)
                    for number, rules in enumerate(compile_definitions(self._library, hook))
                ]
                groups: dict[str, list[Rule]] = {}
                for rule in self._library.rules_at(hook):
                    groups.setdefault(rule.group, []).extend(compile_rule(rule))
                for number, row in enumerate(self._library.suppress):
                    groups.setdefault(POLICY, []).extend(compile_conditions(f"{POLICY}|{number}", [row.when]))
                rulesets = [Ruleset(f"{group}-{hook}", rules) for group, rules in sorted(groups.items())]
                self._compiled[hook] = (layers, rulesets)
            return self._compiled[hook]

    def close(self) -> None:
        """Gives the memory of the compiled rulesets back: without it each library that was replaced would stay for ever."""
        with self._lock:
            for layers, groups in self._compiled.values():
                for ruleset in (*layers, *groups):
                    ruleset.close()

    def run(self, answers: Mapping[str, Answer], hook: str, order_hooks: tuple[str, ...]) -> Ruling:
        """The ruling on answers that were asked of the chart; definitions among them are ignored and made anew."""
        layers, groups = self._rulesets(hook)
        defined = {asked.key: asked for asked in self._library.questions_at(hook) if asked.lines}
        facts: dict[str, dict[str, float | str]] = {
            key: fact_of(answer) for key, answer in answers.items() if key not in defined
        }
        facts[HOOK] = {"q": HOOK, "word": hook}
        words: dict[str, str] = {}
        for layer in layers:
            fired = layer.run(tuple(facts.values()))
            lines = {name.rpartition("|")[0] for name in fired}
            ready = {
                key
                for key in defined
                if key not in facts and all(other not in defined or other in facts for other in defined[key].refs.values())
            }
            for key in sorted(ready):
                asked = defined[key]
                word = next(
                    (
                        word
                        for number, (word, condition) in enumerate(asked.lines)
                        if condition is None or f"{key}|{number}" in lines
                    ),
                    None,
                )
                # Without a word it is absent or not known; which of the two, only the referee can say.
                words[key] = word or ""
                facts[key] = fact_of(
                    Answer(key, known=word is not None, present=word is not None, word=word or "", focus=answers[key].focus)
                )
        fired = frozenset(name for ruleset in groups for name in ruleset.run(tuple(facts.values())))
        return self._ruling(words, {name.rpartition("|")[0] for name in fired}, hook, order_hooks)

    def _ruling(self, words: Mapping[str, str], held: set[str], hook: str, order_hooks: tuple[str, ...]) -> Ruling:
        levels: dict[str, str | None] = {}
        focused: dict[str, bool] = {}
        for rule in self._library.rules_at(hook):
            silent = any(f"{rule.id}|unless {number}" in held for number in range(len(rule.unless)))
            level = next((name for name, condition in rule.levels if condition is None or f"{rule.id}|{name}" in held), None)
            levels[rule.id] = level if f"{rule.id}|when" in held and not silent else None
            focused[rule.id] = (
                hook not in order_hooks
                or not rule.triggers
                or any(f"{rule.id}|focus {number}" in held for number in range(len(rule.triggers)))
            )
        suppressing = frozenset(n for n in range(len(self._library.suppress)) if f"{POLICY}|{n}" in held)
        return Ruling(words, levels, focused, suppressing)
