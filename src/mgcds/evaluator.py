"""Evaluates many files for the command line, on every core, and prints what each comes to in their order."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress

from mgcds.cores import on_every_core
from mgcds.drawing import draw_cards
from mgcds.engine.evaluate import Engine
from mgcds.requestfile import Part, UnreadableFile, chart_of, parts_of, response_of
from mgcds.settings import Settings


@dataclass(frozen=True)
class Evaluator:
    """What every file is evaluated with. `folder`: the one that all are in, None for a file that stands alone."""

    engine: Engine
    hook: str
    day: date
    settings: Settings
    folder: Path | None
    as_json: bool
    out: Console

    def all_of(self, files: list[Path], err: Console) -> int:
        """Prints each file's answers; gives the number of files that could not be read. A terminal sees how far it is."""
        unreadable = 0
        parts = [part for file in files for part in parts_of(file)]
        with on_every_core(self.printed, parts) as results:
            # What goes to a file must not go through the bar's console, which writes to stderr.
            bar = Progress(*Progress.get_default_columns(), MofNCompleteColumn(), console=err, transient=True,
                           disable=len(parts) == 1 or not err.is_terminal, redirect_stdout=sys.stdout.isatty())  # fmt: skip
            with bar:
                task = bar.add_task("evaluating", total=len(parts))
                for part, (text, error) in zip(parts, results, strict=True):
                    if error:
                        err.print(f"mgcds: {part.file}: {error}", markup=False)
                        unreadable += 1
                    sys.stdout.write(text)
                    bar.advance(task)
        return unreadable

    def printed(self, part: Part) -> tuple[str, str]:
        """What is printed of a part, and why it could not be read, if so. Runs in any process."""
        first, is_line = part.line or 0, part.line is not None
        try:
            patients = part.patients()
        except UnreadableFile as error:
            return "", f"line {first + 1}: {error}" if is_line else str(error)
        several = is_line or len(patients) > 1
        texts, errors = [], []
        for number, value in enumerate(patients, first):
            try:
                texts.append(self._of(part.file, number, value, self.folder is not None or several))
            except UnreadableFile as error:
                errors.append(f"line {number + 1}: {error}" if several else str(error))
        return "".join(texts), "; ".join(errors)

    def _of(self, file: Path, number: int, value: object, several: bool) -> str:
        terms = self.engine.library.terminology
        chart, call = chart_of(value, hook=self.hook, terminology=terms, today=self.day, zone=self.settings.zone)
        answer = response_of(self.engine.evaluate(chart), call, self.settings)
        if self.as_json:
            return _json(answer, indented=not several) + "\n"
        to = Console(file=io.StringIO(), force_terminal=self.out.is_terminal, width=self.out.width, highlight=False,
                     soft_wrap=True, color_system="auto" if self.out.is_terminal else None)  # fmt: skip
        if several:
            name = file.relative_to(self.folder) if self.folder else file.name
            to.print(f"\n{name}{f' ({number + 1})' if number else ''}", markup=False)
        draw_cards(to, answer)
        assert isinstance(to.file, io.StringIO)
        return to.file.getvalue()


def _json(answer: dict[str, Any], *, indented: bool) -> str:
    try:
        return orjson.dumps(answer, option=orjson.OPT_INDENT_2 if indented else None).decode()
    except TypeError:  # a suggested order may hold a number of its draft that orjson cannot write, of more than 64 bits
        return json.dumps(answer, indent=2 if indented else None, ensure_ascii=False)
