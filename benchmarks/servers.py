"""Starts the servers that are compared, each in processes of its own, and ends them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.charts import TODAY

ROOT = Path(__file__).parent.parent
PEER = "healthchain==0.16.1"
PEER_VENV = ROOT / ".bench/peer"


@dataclass(frozen=True)
class Server:
    """A server that answers. `started` is the time from the start of its process to its first answer, in seconds."""

    name: str
    port: int
    path: str
    process: subprocess.Popen[bytes]
    started: float

    def memory(self) -> float:
        """Resident memory of its largest process, in MB."""
        own = [self.process.pid, *_children(self.process.pid)]
        return max(_resident(process) for process in own)


def _children(process: int) -> list[int]:
    path = Path(f"/proc/{process}/task/{process}/children")
    return [int(each) for each in path.read_text().split()] if path.is_file() else []


def _resident(process: int) -> float:
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def floor(workers: int = 1) -> Iterator[Server]:
    """The constant answer."""
    with _running("floor", [sys.executable, "-m", *_uvicorn("benchmarks.floor:app", workers)], "/", "/") as server:
        yield server


@contextmanager
def ours(workers: int = 1, rules: Path | None = None) -> Iterator[Server]:
    """mgcds as it is shipped: both engines, overrides remembered in a database, logs written."""
    command = [sys.executable, "-m", "mgcds.cli", "serve", "--port", "{port}", "--workers", str(workers)]
    command += ["--rules", str(rules)] if rules else []
    with tempfile.TemporaryDirectory() as folder:
        extra = {"MGCDS_TODAY": TODAY.isoformat(), "MGCDS_DATA_DIR": folder}
        with _running("mgcds", command, "/cds-services/mgcds-patient-view", "/healthz", extra) as server:
            yield server


@contextmanager
def peer(workers: int = 1) -> Iterator[Server]:
    """HealthChain with one rule; installed on first use."""
    python = PEER_VENV / "bin/python"
    if not python.exists():
        venv.create(PEER_VENV, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", PEER, "uvicorn[standard]"], check=True)
    command = [str(python), "-m", *_uvicorn("benchmarks.peer:app", workers)]
    with _running("peer", command, "/cds/cds-services/peer", "/cds/cds-discovery") as server:
        yield server


def _uvicorn(app: str, workers: int) -> list[str]:
    return ["uvicorn", app, "--port", "{port}", "--workers", str(workers), "--loop", "uvloop", "--http", "httptools",
            "--no-access-log", "--log-level", "warning"]  # fmt: skip


@contextmanager
def _running(name: str, command: list[str], path: str, probe: str, extra: dict[str, str] | None = None) -> Iterator[Server]:
    port = free_port()
    # Whoever installs us has our bytecode, at the latest from the first start. Without it a start compiles 700 modules: 4 s.
    kept = {key: value for key, value in os.environ.items()
            if not key.startswith("MGCDS_") and key != "PYTHONDONTWRITEBYTECODE"}  # fmt: skip
    environment = kept | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"} | (extra or {})
    with tempfile.TemporaryFile() as log:
        begun = time.perf_counter()
        process = subprocess.Popen(
            [part.format(port=port) for part in command], cwd=ROOT, env=environment, stdout=log, stderr=log
        )
        try:
            while True:
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}{probe}", timeout=5).read()
                    break
                except OSError:
                    if process.poll() is not None or time.perf_counter() - begun > 120:
                        log.seek(0)
                        raise RuntimeError(f"{name} does not start: {log.read()[-2000:].decode()}") from None
                    time.sleep(0.01)
            yield Server(name, port, path, process, time.perf_counter() - begun)
        finally:
            process.terminate()
            process.wait(30)
