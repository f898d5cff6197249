"""Judges the library on the disk before a running service takes it: it loads, its cases pass, an application can be made."""

from __future__ import annotations

from mgcds.check.cases import in_use, read_cases, run_file, uncovered
from mgcds.engine.evaluate import Engine
from mgcds.language.load import load
from mgcds.service.library_test import Tested
from mgcds.service.operations import Lasting
from mgcds.service.worker import application, from_disk
from mgcds.settings import Settings
from mgcds.source import SourceError


def self_test(settings: Settings) -> Tested:
    """The hash of the library and everything that is wrong with it. Numbers are not nudged: `check` does it.

    Cases are about the library as it is written, so they run without the site file; the application is made with it.
    """
    try:
        plain = load(settings.rules)
        files = read_cases(settings.rules)
        wrong = uncovered(plain, files)
        engine = Engine(plain)
        wrong += [problem for file in in_use(files, plain) for problem in run_file(file, engine)]
        if wrong:
            return Tested(plain.hash, tuple(map(str, sorted(wrong))))
        library = from_disk(settings)
    except SourceError as error:
        return Tested("", tuple(map(str, error.problems)))
    lasting = Lasting()
    try:
        application(settings, Engine(library), lasting)
    except SourceError as error:  # of another file that the application reads
        return Tested(library.hash, tuple(map(str, error.problems)))
    except Exception as error:  # noqa: BLE001 - whatever it is, this library must not be served
        return Tested(library.hash, (f"no application can be made of it ({type(error).__name__})",))
    finally:
        if lasting.memory is not None:
            lasting.memory.close()
    return Tested(library.hash)
