"""The detail of a card: what it means, what to consider, why it is shown, what was missing, what stands behind it."""

from __future__ import annotations

from collections.abc import Iterable

from mgcds.cards.printing import Style, because_text, markdown, render, unlinked
from mgcds.cards.standing import evidence, limits, relies_on_absence, title
from mgcds.chart.facts import MEDICATIONS, STATEMENTS
from mgcds.engine.asking import Asking
from mgcds.engine.evaluate import Evaluation
from mgcds.engine.explain import lacking
from mgcds.engine.outcome import Finding
from mgcds.engine.truth import holds
from mgcds.language.text import Template
from mgcds.language.words import capital

_ESCAPED = str.maketrans({sign: f"\\{sign}" for sign in "\\`*_[]#|~"})
_MARKDOWN = Style(markdown)
MOST_RECORDS = 3  # that one answer names as its evidence


def detail_of(finding: Finding, evaluation: Evaluation) -> str:
    """The whole detail of the finding that leads a card, in GitHub-flavoured Markdown."""
    card = finding.rule.model.card
    blocks = [" ".join(_sentences(finding, evaluation))]
    if card.consider:
        blocks.append("**Consider**\n" + "\n".join(f"- {_text(line, finding, evaluation)}" for line in finding.rule.consider))
    blocks.append(f"**Why shown:** {_why(finding, evaluation)}.")
    if behind := limits(finding.rule, finding.level, evaluation.library):
        blocks.append(f"**Limits used:** {behind}.")
    missing = _missing(finding, evaluation)
    if missing:
        blocks.append(f"**Not available:** {missing}.")
    blocks.append(f"**Evidence:** {evidence(finding.rule, evaluation.library)}.")
    return "\n\n".join(block for block in blocks if block)


def other_finding(finding: Finding, summary: str, evaluation: Evaluation) -> str:
    """A further finding of the same card, as one bullet."""
    more = " ".join(_sentences(finding, evaluation))
    missing = _missing(finding, evaluation)
    tail = f" Not available: {missing}." if missing else ""
    return f"- **{finding.level.capitalize()}:** {markdown_safe(summary)} {more} Why shown: {_why(finding, evaluation)}.{tail}"


def without_said(text: str, said: str, shared: Iterable[str]) -> str:
    """`text` without the shared sentences that the card has said already."""
    for sentence in shared:
        if sentence in said:
            text = text.replace(f" {sentence}", "")
    return text


def markdown_safe(summary: str) -> str:
    """A summary (already harmless) inside Markdown: nothing in it may start emphasis, a link or a heading."""
    return unlinked(summary.translate(_ESCAPED))


def _text(template: Template, finding: Finding, evaluation: Evaluation) -> str:
    text = render(template, finding.rule.names, evaluation.answers, evaluation.library, _MARKDOWN)
    return capital(" ".join(text.split()))


def _sentences(finding: Finding, evaluation: Evaluation) -> list[str]:
    rule = finding.rule
    texts = [_text(rule.detail, finding, evaluation)] if rule.detail else []
    for line in rule.also:
        if holds(line.when, evaluation.answers, evaluation.chart.hook):
            texts.append(_text(line.say, finding, evaluation))
    return texts


def _why(finding: Finding, evaluation: Evaluation) -> str:
    """The data a finding rests on, by question, each with value, unit and date."""
    groups: dict[str, list[str]] = {}
    for name, because in finding.because:
        texts, text = groups.setdefault(name, []), because_text(because, markdown)
        if text and text not in texts:
            texts.append(text)
    parts, shown = [], set[str]()
    for name, texts in groups.items():
        if texts and shown.issuperset(texts):
            continue  # the same records under another question
        shown.update(texts)
        what = title(finding.rule.names[name], evaluation.library)
        parts.append(f"{what}: {_some(texts)}" if texts else what)
    return "; ".join(dict.fromkeys(parts)) or "see the data listed above"


def _some(texts: list[str]) -> str:
    """The first few of them, and how many more there are: a drug may stand on a record twenty times."""
    more = f" and {len(texts) - MOST_RECORDS} more" if len(texts) > MOST_RECORDS else ""
    return ", ".join(texts[:MOST_RECORDS]) + more


def _missing(finding: Finding, evaluation: Evaluation) -> str:
    titles = [lacking(finding.rule.names[name], evaluation) for name in finding.missing if name in finding.rule.names]
    if evaluation.chart.unresolved and relies_on_absence(finding.rule, finding.level, evaluation.library):
        shown = sorted({markdown(name) for name in evaluation.chart.unresolved})
        more = f" and {len(shown) - 3} more" if len(shown) > 3 else ""
        titles.append(f"medicines not understood: {', '.join(shown[:3])}{more}")
    titles += _in_part(finding, evaluation)
    return "; ".join(dict.fromkeys(titles))


def _in_part(finding: Finding, evaluation: Evaluation) -> list[str]:
    """What the rule looks into and there is more of than was supplied."""
    chart, library = evaluation.chart, evaluation.library
    if not chart.partial:
        return []
    partial = chart.partial | ({MEDICATIONS} if STATEMENTS in chart.partial else set())
    asking = Asking(chart, library)
    kinds = {kind for key in finding.rule.names.values() for kind in asking.kinds_of(library.questions[key])} & partial
    return [f"part of the records ({', '.join(kind.replace('_', ' ') for kind in sorted(kinds))})"] if kinds else []
