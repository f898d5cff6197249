"""Writes a new rule and its cases from the library's templates: they load and pass at once."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from mgcds.language.files import TEST_SUFFIX
from mgcds.language.lint_rules import ID


class ScaffoldError(Exception):
    """The rule cannot be written; the message says why."""


def new_rule(root: Path, rule_id: str, folder: str | None, today: date) -> tuple[Path, Path]:
    """The paths of a new rule and of its cases, from the library's own templates. Never overwrites.

    Without a folder, the rule goes where rules of the same first word are.
    """
    if not ID.fullmatch(rule_id):
        raise ScaffoldError(f"'{rule_id}' is no rule id; write <nutrient>-<situation> in lower case, like mg-low-example")
    if list(root.rglob(f"{rule_id}.yaml")) or list(root.rglob(f"{rule_id}{TEST_SUFFIX}")):
        raise ScaffoldError(f"there is a rule '{rule_id}' already; choose another id")
    target = root / (folder or _folder(root, rule_id.split("-")[0]))
    rule, cases = target / f"{rule_id}.yaml", target / f"{rule_id}{TEST_SUFFIX}"
    next_year = today.replace(year=today.year + 1, day=min(today.day, 28))
    values = {"<id>": rule_id, "<today>": str(today), "<next year>": str(next_year)}
    target.mkdir(parents=True, exist_ok=True)
    for path, template in ((rule, "rule.txt"), (cases, "cases.txt")):
        text = (root / "templates" / template).read_text(encoding="utf-8")
        for name, value in values.items():
            text = text.replace(name, value)
        path.write_text(text, encoding="utf-8")
    return rule, cases


def _folder(root: Path, word: str) -> str:
    """The folder of the rules whose id starts with this word, else the word itself."""
    found = sorted(path.parent.relative_to(root).as_posix() for path in root.glob(f"*/{word}-*.yaml"))
    return found[0] if found else word
