"""How the process is: ready, degraded (it serves an older library than it was told to), or stopping."""

from __future__ import annotations

from dataclasses import dataclass

READY, DEGRADED, STOPPING = "ready", "degraded", "stopping"


@dataclass(slots=True)
class Condition:
    """Shared by the server, which sets it, and the readiness probe, which tells it."""

    degraded: bool = False
    stopping: bool = False

    @property
    def word(self) -> str:
        """One word for the probe; stopping wins."""
        return STOPPING if self.stopping else DEGRADED if self.degraded else READY

    @property
    def status(self) -> int:
        """Degraded is 200: an older library that was tested serves patients better than none."""
        return 503 if self.stopping else 200
