"""Writes a new rule and its cases from a template that loads and passes at once."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from mgcds.language.lint import ID

_RULE = """\
rule: {id}
title: Say in one line what is wrong
stewardship: {{version: 0.1.0, status: draft, owner: your-team, reviewed: {today}, review_by: {next_year}}}
hooks: [patient-view]
shown_in: {{group: low-mg, priority: 3}}
why: Say in one sentence why a clinician should care.
evidence:                                  # every number below is named under backs
  - {{source: expert, strength: expert, backs: [serum_mg.below]}}
when:                                      # every line must hold
  - serum_mg: {{taken: within 90 days, below: 1.00 mg/dL}}
level: info
card:
  summary: "Magnesium {{{{ serum_mg }}}} ({{{{ serum_mg.on }}}}): say what to do."
  detail: "{{{{ mg-limit }}}}"
  consider:
    - The first option
    - The second option
  suggest: [order: serum-magnesium]
"""
_CASES = """\
cases:
  - case: just below the limit fires
    chart: [{{lab: serum-magnesium, value: 0.99 mg/dL, taken: 90 days ago}}]
    expect: info
  - case: exactly at the limit is silent
    chart: [{{lab: serum-magnesium, value: 1.00 mg/dL}}]
    expect: silent
  - case: an older result is silent
    chart: [{{lab: serum-magnesium, value: 0.99 mg/dL, taken: 91 days ago}}]
    expect: silent
  - case: no results supplied
    chart: [{{not_supplied: [magnesium]}}]
    expect: not-evaluable
"""


class ScaffoldError(Exception):
    """The rule cannot be written; the message says why."""


def new_rule(root: Path, rule_id: str, folder: str, today: date) -> tuple[Path, Path]:
    """The paths of a new rule and of its cases. Never overwrites."""
    if not ID.fullmatch(rule_id):
        raise ScaffoldError(f"'{rule_id}' is no rule id; write <nutrient>-<situation> in lower case, like mg-low-ppi")
    paths = root / folder / f"{rule_id}.yaml", root / folder / f"{rule_id}.test.yaml"
    if any(path.exists() for path in paths) or list(root.rglob(f"{rule_id}.yaml")):
        raise ScaffoldError(f"there is a rule '{rule_id}' already; choose another id")
    paths[0].parent.mkdir(parents=True, exist_ok=True)
    next_year = today.replace(year=today.year + 1, day=min(today.day, 28))
    paths[0].write_text(_RULE.format(id=rule_id, today=today, next_year=next_year), encoding="utf-8")
    paths[1].write_text(_CASES.format(), encoding="utf-8")
    return paths
