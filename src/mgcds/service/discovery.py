"""The discovery document: a service for each hook, with the prefetch that its rules read."""

from __future__ import annotations

from typing import Any

from mgcds.chart.facts import Chart, Person
from mgcds.engine.evaluate import Engine
from mgcds.language.library import Library
from mgcds.language.site import ACTIVE
from mgcds.service.prefetch import templates
from mgcds.service.requests import CONTEXTS, HOOK_VERSIONS
from mgcds.service.words import HOOKS
from mgcds.settings import Settings


def services_of(engine: Engine, settings: Settings) -> list[dict[str, Any]]:
    """Every service as the discovery document has it."""
    return [_service(engine.library, hook, _tried(engine, hook, settings)) for hook in CONTEXTS]


def _tried(engine: Engine, hook: str, settings: Settings) -> dict[str, str]:
    """The prefetch templates of a hook, after one evaluation of nobody, so that the first patient waits for no compiling."""
    nobody = Chart(settings.day(), hook, Person(""), frozenset())
    engine.evaluate(nobody)
    return templates(engine.library, hook, nobody)


def _service(library: Library, hook: str, prefetch: dict[str, str]) -> dict[str, Any]:
    shown = [rule for rule in library.rules_at(hook) if rule.state == ACTIVE]
    groups = sorted({str(library.policy.groups[rule.group].title).lower() for rule in shown})
    about = f"Advice on {', '.join(groups)}" if groups else "No rule of this library answers this hook yet"
    return {
        "hook": hook,
        "title": f"Nutrient and drug safety {HOOKS[hook]}",
        "description": f"{about}. Advisory only; not a medical device.",
        "id": f"mgcds-{hook}",
        "prefetch": prefetch,
        "usageRequirements": "Needs the patient and the medication requests; what else is missing is named on the cards.",
        "version": "2.0.1",
        "hookVersion": HOOK_VERSIONS[hook],
    }
