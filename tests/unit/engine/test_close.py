"""Engines that are replaced give their memory back, and never run again."""

from __future__ import annotations

from pathlib import Path

import pytest

from mgcds.engine.durable import EngineFailure, Ruleset
from mgcds.engine.patterns import Compare, Pattern

RULES = [(f"r{number}", (Pattern((Compare("q", "==", f"w{number}"),)),)) for number in range(200)]


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1])


def test_a_closed_ruleset_refuses_to_run_and_may_be_closed_twice() -> None:
    ruleset = Ruleset("closing", RULES[:3])
    assert ruleset.run([{"q": "w1"}]) == {"r1"}
    ruleset.close()
    ruleset.close()
    with pytest.raises(EngineFailure, match="closed"):
        ruleset.run([{"q": "w1"}])


def test_closing_one_leaves_others_as_they_were() -> None:
    kept = Ruleset("kept", RULES[:3])
    for _ in range(20):
        other = Ruleset("other", RULES)
        assert other.run([{"q": "w7"}]) == {"r7"}
        other.close()
        assert kept.run([{"q": "w2"}]) == {"r2"}


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read in /proc")
def test_closing_gives_the_memory_back() -> None:
    """Without `close` two hundred of these hold more than a hundred times what one does."""

    def made(number: int) -> None:
        for _ in range(number):
            Ruleset("many", RULES).close()

    made(50)
    before = resident()
    one = Ruleset("one", RULES)
    held = [Ruleset("held", RULES) for _ in range(20)]
    with_twenty = resident() - before
    for ruleset in (one, *held):
        ruleset.close()
    after = resident()
    made(200)
    assert resident() - after < with_twenty
