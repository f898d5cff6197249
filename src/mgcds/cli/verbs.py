"""Which module has which verb. Only the module of the verb that is called is imported."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from typer.core import TyperGroup
from typer.main import get_group

from mgcds.garbage import for_good

# In the order of `mgcds --help`.
MODULES = {
    "serve": "service",
    "evaluate": "patients",
    "explain": "patients",
    "survey": "patients",
    "check": "rules",
    "test": "rules",
    "schema": "rules",
    "new-rule": "rules",
    "report": "store",
    "replay": "store",
    "erase": "store",
    "install-sheet": "ehr",
    "lint-cards": "ehr",
    "redact": "ehr",
    "terminology": "terminology",
    "records": "store",
}


class Verbs(TyperGroup):
    """The verbs. `serve` needs half of what the others import, which was a twentieth of its start."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        return list(MODULES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - typer's own types are of a module it hides
        """The verb; None where there is none of that name, and then all are known, so that a like one can be suggested."""
        for module in {MODULES[cmd_name]} if cmd_name in MODULES else set(MODULES.values()):
            with for_good():
                part = import_module(f"mgcds.cli.{module}")
            self.commands.update(get_group(part.app).commands)
        return self.commands.get(cmd_name)
