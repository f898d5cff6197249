"""The library ten times: every rule with nine copies of itself under other ids, in a folder of its own."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from benchmarks.servers import ROOT

TIMES = 10


def tenfold(folder: Path) -> Path:
    """Writes the library into a folder and gives its root."""
    rules = folder / "rules"
    shutil.copytree(ROOT / "rules", rules)
    for file in sorted(rules.rglob("*.yaml")):
        text = file.read_text(encoding="utf-8")
        own = re.search(r"^rule: (\S+)$", text, re.MULTILINE)
        if own is None or file.name.endswith(".test.yaml"):
            continue
        for number in range(1, TIMES):
            other = f"{own[1]}-x{number}"
            copy = text.replace(f"rule: {own[1]}\n", f"rule: {other}\n", 1)
            (file.parent / f"{other}.yaml").write_text(copy, encoding="utf-8")
    return rules
