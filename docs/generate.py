"""Writes docs/reference from the types and the rules, so that it cannot drift. `make docs`; a test compares."""

from __future__ import annotations

import inspect
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from mgcds.check.hazards import Hazard, Proof, read_hazards  # noqa: E402
from mgcds.language.facts import Fact  # noqa: E402
from mgcds.language.find import VERBS, Question  # noqa: E402
from mgcds.language.library import Library  # noqa: E402
from mgcds.language.lint_facts import cited_by, told  # noqa: E402
from mgcds.language.load import load  # noqa: E402
from mgcds.language.policy import Policy, Remember  # noqa: E402
from mgcds.language.rule import LEVELS  # noqa: E402
from mgcds.language.when import BUILT_IN_WORDS, TESTS  # noqa: E402
from mgcds.language.words import sentence  # noqa: E402
from mgcds.service.source_attributes import SourceAttributes  # noqa: E402
from mgcds.settings import SECRETS, Settings  # noqa: E402

HEAD = "<!-- made by `make docs`; do not edit -->\n"


def documents() -> dict[str, str]:
    """Every generated document by file name."""
    library = load(ROOT / "rules")
    return {
        "language.md": language(library),
        "settings.md": settings(),
        "rules.md": rules(library),
        "hazard-log.md": hazard_log(read_hazards(ROOT / "docs/hazards.yaml")),
        "seed-facts.md": seed_facts(library),
        "context.md": context(library),
        "source-attributes.schema.json": json.dumps(SourceAttributes.model_json_schema(), indent=2) + "\n",
    }


def language(library: Library) -> str:
    """The rule language: verbs, options, words, tests, with an example of each from the library where there is one."""
    lines = [HEAD, "# The rule language", "", "How to read and write rules is in the [tutorial](../tutorial.md); every verb is", 
             "specified by example in `tests/spec/test_verbs.py`, every condition in `tests/spec/test_conditions.py`.", "",
             "## Verbs", ""]  # fmt: skip
    shared = set(Question.model_fields)
    for name, verb in VERBS.items():
        lines += [f"### `{name}`", "", inspect.cleandoc(verb.__doc__ or ""), ""]
        options = [field.alias or key.rstrip("_") for key, field in verb.model_fields.items() if key not in shared]
        lines.append(f"Options: {', '.join(f'`{option}`' for option in options if option != name) or 'none'}.")
        if verb.stores:
            lines.append(f"Words of its own: {', '.join(f'*{word}*' for word in verb.stores)}.")
        if verb.counts:
            lines.append("With nothing found its number is 0, which is compared.")
        if verb.prints:
            lines.append(f"A card may also print: {', '.join(f'`.{part}`' for part in verb.prints)}.")
        used = sorted({item.name for item in library.questions.values() if item.question.verb == name})
        if used:
            lines.append(f"In the library: {', '.join(f'`{item}`' for item in used)}.")
        lines.append("")
    lines += ["## Conditions", "", f"Tests: {', '.join(f'`{test}`' for test in TESTS)}. "
              f"Words that every answer knows: {', '.join(f'*{word}*' for word in BUILT_IN_WORDS)}.", "",
              "| the chart | `present` | `absent` | value tests, `taken` | `none_within` |", "|---|---|---|---|---|",
              "| kind of data not supplied | not known | not known | not known | not known |",
              "| supplied, none found | no | yes | no (a count, total or exposure is 0 and is compared) | yes |",
              "| found | yes | no | compared | compared |", "",
              "`when`: every line must hold; not known is not holding. If no line says no and some are not known, the rule ends as",
              "`not-evaluable`. `unless`: silent if a line holds; a line that is not known does not silence. `level`: the first line that",
              "holds, most severe first; a line that is not known is passed over and named. `triggers`: at order hooks one of these",
              "must be in the order at hand.", "", *policy(library),
              "## Card text", "",
              "`{{ serum_mg }}` prints an answer, `{{ serum_mg.on }}` one thing about it, `{{ mg-limit }}` a shared sentence of the",
              "policy, `{{ low of serum_mg }}` the limit behind a word (*below 1.7 mg/dL*) and `{{ lasting of trials }}` a length.",
              "Print a limit that a site may change, do not write it out: then the card follows the site.", "",
              "## What a site may change", "",
              "A question of the vocabulary lists under `site_may_change` the words and the options that hold a number which a",
              "[site file](../how-to/site-configuration.md) may change. In the library:", ""]  # fmt: skip
    for item in library.questions.values():
        if item.question.site_may_change:
            lines.append(f"- `{item.name}`: {', '.join(f'*{part}*' for part in item.question.site_may_change)}")
    lines.append("")
    return "\n".join(lines)


def policy(library: Library) -> list[str]:
    """What happens to findings afterwards, with the numbers of the library."""
    kept = library.policy.remember
    lengths = {level: kept.days(level) for level in reversed(LEVELS)}
    return ["## Policy", "", inspect.cleandoc(Policy.__doc__ or ""), "", "### `remember`", "", inspect.cleandoc(Remember.__doc__ or ""), "",
            f"In the library: {', '.join(f'{level} {days} days' if days is not None else f'{level} never' for level, days in lengths.items())}.", "",
            "A case says what was overridden before: `overridden: [{rule: ex-ample, at: warning, on: 30 days ago}]`, and expects",
            "`{suppressed: overridden}`.", ""]  # fmt: skip


def settings() -> str:
    """Every environment variable."""
    lines = [HEAD, "# Settings", "", "| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default: Any = field.get_default(call_default_factory=True)
        shown = "the packaged rules" if name == "rules" else "" if default in (None, "") else str(default)
        lines.append(f"| `MGCDS_{name.upper()}` | {shown} | {field.description or name.replace('_', ' ')} |")
    lines.append(f"| `{SECRETS}` |  | folder of files that are named like the variables in small letters, like mgcds_pseudonym_key, "
                 "each with the value of one; a variable that is set wins |")  # fmt: skip
    return "\n".join([*lines, ""])


def rules(library: Library) -> str:
    """Every rule in a few lines."""
    lines = [HEAD, "# Rules", "", f"{len(library.rules)} rules, all drafts until a second clinician has signed them off.", ""]
    for key, group in library.policy.groups.items():
        lines += [f"## {group.title} (`{key}`)", ""]
        for rule in (rule for rule in library.rules.values() if rule.group == key):
            levels = ", ".join(level for level, _ in rule.levels)
            lines += [f"**{rule.model.title}** (`{rule.id}`, {levels}, priority {rule.priority})", "", f"{rule.model.why}", ""]
            lines += [f"- {sentence(condition, library)}" for condition in rule.when]
            lines += [f"- not where {sentence(condition, library)}" for condition in rule.unless] + [""]
    return "\n".join(lines)


def hazard_log(hazards: tuple[Hazard, ...]) -> str:
    """Every hazard with its controls and their tests, and every test with the hazards that it guards against."""
    lines = [HEAD, "# Hazard log", "",
             "How this service could contribute to harm, what is done against it, and the test that shows it is done. Written in",
             "[docs/hazards.yaml](../hazards.yaml); a test fails where a test named here does not exist. The ratings are the makers'",
             "own estimates, which no clinician has confirmed yet. What the program cannot do itself stands under",
             "[governance](governance.md).", "",
             "| id | hazard | risk before | risk after |", "|---|---|---|---|"]  # fmt: skip
    lines += [
        f"| [{item.id}](#{str(item.id).lower()}) | {item.hazard} | {item.before.level} | {item.after.level} |"
        for item in hazards
    ]
    guards: dict[Proof, list[str]] = {}
    shown: dict[str, Proof] = {}
    for item in hazards:
        lines += ["", f"## {item.id}", "", f"**{item.hazard}**", "", f"- Cause: {item.cause}", f"- Harm: {item.harm}"]
        lines += [f"- Before: {item.before.severity}, {item.before.likelihood} ({item.before.level}). "
                  f"After: {item.after.severity}, {item.after.likelihood} ({item.after.level})."]  # fmt: skip
        for control in item.controls:
            lines.append(f"- Control: {control.does}")
            for proof in control.tests:
                lines.append(f"  - {_linked(proof)}")
                guards.setdefault(shown.setdefault(str(proof), proof), []).append(str(item.id))
    lines += ["", "## Which test guards against what", "", "| test | hazards |", "|---|---|"]
    lines += [f"| {_linked(proof)} | {', '.join(dict.fromkeys(guards[proof]))} |" for _, proof in sorted(shown.items())]
    return "\n".join([*lines, ""])


def _linked(proof: Proof) -> str:
    return f"[{proof.file}](../../{proof.file}): {proof.name if proof.file.endswith('.yaml') else f'`{proof.name}`'}"


def seed_facts(library: Library) -> str:
    """Every fact of the seed document, in our words, and what carries it."""
    lines = [HEAD, "# Facts of the seed document", "",
             "162 facts, each with its grade (A good secondary source, B abstract, C opinion, D promotion) and what carries it: rules that",
             "cite it, a sentence that cards share, a table, a choice between sources that disagree, a rule that is not written yet, and",
             "the section of the [context page](context.md), which the service also shows under `/context`.", "",
             "| fact | grade | in our words | carried by |", "|---|---|---|---|"]  # fmt: skip
    assert library.facts is not None
    for key, fact in library.facts.facts.items():
        lines.append(f"| {key} | {fact.grade} | {fact.says} | {'; '.join(_carried(key, fact, library))} |")
    return "\n".join([*lines, ""])


def _carried(key: str, fact: Fact, library: Library) -> list[str]:
    made = [f"rules {', '.join(f'`{rule}`' for rule in rules)}"] if (rules := cited_by(library, key)) else []
    made += [f"card sentence *{fact.sentence}*"] if fact.sentence else []
    made += [f"table `{fact.table}`"] if fact.table else []
    made += [f"choice {', '.join(map(str, fact.conflict))}"] if fact.conflict else []
    made += [f"not yet: {fact.backlog}"] if fact.backlog else []
    made += ["a limit of the evidence"] if fact.limit else []
    return [*made, f"[context](context.md#{fact.section})"]


def context(library: Library) -> str:
    """The facts as a page to read, section by section."""
    lines = [HEAD, "# What the rules come from", "",
             "Most of these facts are background: they explain, and no card advises anything because of them alone. Grade A: good",
             "secondary source. B: abstract or institute's text. C: opinion or single case. D: promotion of a clinic."]  # fmt: skip
    for name, section, facts in told(library):
        lines += ["", f'<a id="{name}"></a>', "", f"## {section.title}", "", str(section.about), ""]
        lines += [f"- {fact.says}. ({key}, {fact.grade})" for key, fact, _ in facts]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    (ROOT / "docs/reference").mkdir(exist_ok=True)
    for name, text in documents().items():
        (ROOT / "docs/reference" / name).write_text(text, encoding="utf-8")
        print(f"docs/reference/{name}")
