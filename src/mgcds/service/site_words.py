"""What a site has changed, in the words of the rule pages."""

from __future__ import annotations

from mgcds.language.library import Changed, Library, LinkedRule, Source
from mgcds.language.rule import HOOKS
from mgcds.language.site import OFF, SHADOW, Approved
from mgcds.language.when import asks
from mgcds.language.words import capital, title_of

_STATE = {
    SHADOW: ("In the shadow", "It is evaluated and recorded, but shows no card"),
    OFF: ("Switched off", "It is not evaluated"),
}


def decided(rule: LinkedRule, library: Library) -> list[tuple[str, str]]:
    """What the site has decided about the rule as a whole: (in short, in a sentence)."""
    if library.site is None or rule.id not in library.site.rules:
        return []
    change, name = library.site.rules[rule.id], library.site.name
    made = []
    if rule.state in _STATE:
        short, sentence = _STATE[rule.state]
        made.append((f"{short} at {name}.", f"{sentence}, {because(change)}"))
    if change.hooks is not None:
        hooks = ", ".join(hook for hook in HOOKS if hook in change.hooks)
        made.append((f"Fewer moments at {name}.", f"It answers only {hooks}, {because(change)}"))
    return made


def changed(rule: LinkedRule, library: Library) -> list[str]:
    """The words and lengths behind this rule that the site has changed, each in a sentence."""
    if library.site is None:
        return []
    used = _used(rule, library)
    return [
        f"{capital(title_of(library.questions[one.question], library))}: {one.part} is {one.now} "
        f"(in the library: {one.was}), {because(one.approved)}"
        for one in library.site.changed
        if one.question in rule.needs and (one.part not in library.questions[one.question].question.words
                                           or (one.question, one.part) in used)
    ]  # fmt: skip


def left_out(rule: LinkedRule, library: Library) -> list[str]:
    """Sentences of its card that are no longer true at the site, and so are not printed."""
    sentences = [sentence for rule_id, sentence in library.site.left_out if rule_id == rule.id] if library.site else []
    return [sentence.replace("{{", "[").replace("}}", "]") for sentence in sentences]


def overview(library: Library) -> str:
    """What the site has changed, counted, for the list of all rules; empty where there is no site file."""
    if library.site is None:
        return ""
    states = [rule.state for rule in library.rules.values()]
    counts = [
        (states.count(SHADOW), "in the shadow"),
        (states.count(OFF), "switched off"),
        (sum(1 for change in library.site.rules.values() if change.hooks is not None), "at fewer moments"),
        (len(library.site.changed), "limits changed"),
    ]
    told = ", ".join(f"{number} {what}" for number, what in counts if number)
    return f"Changed by {library.site.name}: {told or 'nothing'}"


def behind(change: Changed, library: Library) -> tuple[Source, ...]:
    """The site's decision as what stands behind a number."""
    name = library.site.name if library.site else ""
    return (Source("site", f"{name}: {capital(because(change.approved))}", "site"),)


def because(approved: Approved) -> str:
    """ "because our laboratory says so; approved by the head of the laboratory on 2026-05-04"."""
    reason = str(approved.because).strip().rstrip(".")
    return f"because {reason}; approved by {approved.approved_by} on {approved.on}."


def _used(rule: LinkedRule, library: Library) -> set[tuple[str, str]]:
    """(question, word) of every word that the rule or a definition behind it uses."""
    own = [*rule.when, *rule.unless, *(line for _, line in rule.levels), *(also.when for also in rule.also)]
    lines = [line for key in rule.needs for _, line in library.questions[key].lines]
    return {(ask.question, ask.word) for condition in (*own, *lines) if condition is not None for ask in asks(condition)}
