"""What every verb of the command line shares: options, settings, the library, messages and exit codes."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from mgcds.engine.evaluate import Engine
from mgcds.garbage import for_good
from mgcds.language.library import Library
from mgcds.language.load import load
from mgcds.language.rule import HOOKS
from mgcds.language.site import SiteError
from mgcds.settings import Settings, SettingsError, read_settings
from mgcds.source import Problem, SourceError

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

GOOD, FOUND, WRONG_USE, INTERNAL = 0, 1, 2, 3
SiteOption = Annotated[Path | None, typer.Option("--site", help="site file; default MGCDS_SITE")]
RulesOption = Annotated[Path | None, typer.Option("--rules", help="rule library; default MGCDS_RULES or the packaged one")]
TodayOption = Annotated[str | None, typer.Option("--today", help="the day to evaluate on, YYYY-MM-DD; default today")]
HookOption = Annotated[str, typer.Option("--hook", help="the hook to evaluate at, for files that are no request")]
JsonOption = Annotated[bool, typer.Option("--json", help="print JSON")]


def stop(message: str, code: int = WRONG_USE) -> typer.Exit:
    """Says why a verb stops; raise what is returned."""
    err.print(f"mgcds: {message}", markup=False)
    return typer.Exit(code)


def settings_of(**given: object) -> Settings:
    """The settings, or one clear line."""
    try:
        return read_settings(**given)
    except SettingsError as error:
        raise stop(str(error)) from None


def library_of(settings: Settings, *, with_site: bool = True) -> Library:
    """The rules as the site has them: its product table below, its site file on top; or as the library has them."""
    try:
        with for_good():
            if not with_site:
                return load(settings.rules)
            return load(settings.rules, products=settings.product_table, site=settings.site)
    except SiteError as error:
        raise bad_site(error) from None
    except SourceError as error:
        print_problems(error.problems)
        raise stop(f"the rules cannot be used: {counted(len(error.problems), 'problem')}", FOUND) from None


def bad_site(error: SiteError) -> typer.Exit:
    """Every problem of the site file; raise what is returned."""
    print_problems(error.problems, err)
    return stop(f"the site file cannot be used: {counted(len(error.problems), 'problem')}")


def print_problems(problems: list[Problem], to: Console = out) -> None:
    """One line a problem, with its place."""
    for problem in problems:
        to.print(str(problem), markup=False)


def counted(number: int, noun: str) -> str:
    """ "2 problems"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def engine_of(hook: str, today: str | None, rules: Path | None, site: Path | None) -> tuple[Engine, date, Settings]:
    """The engine on the library, the day and the settings."""
    if hook not in HOOKS:
        raise stop(f"'{hook}' is no hook we answer; choose one of {', '.join(HOOKS)}")
    settings = settings_of(rules=rules, site=site)
    return Engine(library_of(settings)), day_of(today, settings), settings


def day_of(today: str | None, settings: Settings) -> date:
    """The day of an option, else today."""
    try:
        return date.fromisoformat(today) if today else settings.day()
    except ValueError:
        raise stop(f"--today: '{today}' is not a day; write it like 2026-01-31") from None
