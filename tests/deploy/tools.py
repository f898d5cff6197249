"""Finds the validators that check deploy/, beside the running Python or on the path."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

DEPLOY = ROOT / "deploy"


def tool(name: str) -> str:
    """The path of a tool; skips the test where it is not installed."""
    found = shutil.which(name, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def run(*command: str | Path, given: str | None = None, **environment: str) -> str:
    """What a command prints; fails with what it says where its exit code is not 0."""
    done = subprocess.run(
        [str(word) for word in command], input=given, capture_output=True, text=True, timeout=300, check=False,
        env=os.environ | environment, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
