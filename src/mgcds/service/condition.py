"""How the process is: ready, degraded (it answers with less than it should have), or stopping."""

from __future__ import annotations

from dataclasses import dataclass

READY, DEGRADED, STOPPING = "ready", "degraded", "stopping"


@dataclass(slots=True)
class Condition:
    """Shared by the server, which sets it, and the readiness probe, which tells it."""

    degraded: bool = False  # a newer library was refused and an older one answers
    database_away: bool = False  # since the start: cards go out, nothing is remembered
    stopping: bool = False

    @property
    def word(self) -> str:
        """One word for the probe; stopping wins."""
        return STOPPING if self.stopping else DEGRADED if self.degraded or self.database_away else READY

    @property
    def wanting(self) -> list[str]:
        """What is not as it should be."""
        return [name for name, wanting in (("library", self.degraded), ("database", self.database_away)) if wanting]

    @property
    def status(self) -> int:
        """Degraded is 200: cards of an older library, or without a memory, serve patients better than none."""
        return 503 if self.stopping else 200
