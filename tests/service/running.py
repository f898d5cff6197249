"""A real service process on a free loopback port, and a small library that it serves."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.service.conftest import FIXTURES, TODAY
from tests.spec.mini import Mini

PATIENCE = 120  # seconds; never asserted to be needed
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.upper().startswith(("MGCDS_", "OTEL_"))}
REQUEST = json.loads((FIXTURES / "requests/02-severely-low-mmol.json").read_text(encoding="utf-8"))
RULE = "when: [serum_mg: {below: %s mg/dL}]\nlevel: info\ncard: {summary: Seen.}\n"
CASES = """
cases:
  - case: at the limit
    chart: [{lab: serum-magnesium, value: %s mg/dL}]
    expect: silent
"""


def small_library(folder: Path, limit: str = "1.70") -> Mini:
    """A library with one rule and one case, which loads in a second; and a folder `data` beside it."""
    mini = Mini(folder)
    (folder / "data").mkdir()
    mini.write("vocabulary/spec.yaml", "serum_mg: {latest: serum-magnesium, as: mg/dL}\n")
    change(mini, limit)
    return mini


def change(mini: Mini, limit: str, at_limit: str | None = None) -> None:
    """Writes the rule with another limit, and a case (which disagrees where `at_limit` is below it)."""
    mini.rule(RULE % limit, backs="serum_mg.below")
    mini.write("examples/ex-ample.test.yaml", CASES % (at_limit or limit))


class Running:
    """`mgcds serve` as a process; ended with the block, whatever happens."""

    def __init__(self, *arguments: str, before: str = "pass", **environment: str) -> None:
        """`before`: Python that the process runs first."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._log: list[str] = []
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                f"{before}\nfrom mgcds.cli import main\nmain()",
                "serve",
                "--port",
                str(self.port),
                *arguments,
            ],
            env=ENVIRONMENT | {"MGCDS_TODAY": TODAY} | environment,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Running:
        import threading

        threading.Thread(target=self._read, daemon=True).start()
        self.until(lambda: self.get("/readyz")[0] == 200)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.process.kill()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._log.append(line)

    @property
    def log(self) -> str:
        return "".join(self._log)

    def lines(self, event: str) -> list[dict[str, Any]]:
        found = [json.loads(line) for line in list(self._log) if line.startswith("{")]
        return [line for line in found if line["event"] == event]

    def until(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                if holds():
                    return
            except (urllib.error.URLError, ConnectionError):
                pass
            assert time.monotonic() < deadline, self.log
            assert self.process.poll() is None, self.log
            time.sleep(0.05)

    def get(self, path: str, **headers: str) -> tuple[int, str]:
        sent = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers=headers)
        try:
            with urllib.request.urlopen(sent, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def ready(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.get("/readyz")[1])
        return found

    def call(self) -> dict[str, Any]:
        """The answer to one real request."""
        sent = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/cds-services/mgcds-patient-view",
            json.dumps(REQUEST).encode(),
            {"content-type": "application/json"},
        )
        with urllib.request.urlopen(sent, timeout=60) as answer:
            found: dict[str, Any] = json.load(answer)
            return found

    def library(self) -> str:
        return str(self.call()["extension"]["org.mgcds.evaluation"]["library"])

    def workers(self) -> set[int]:
        """Process ids of the workers."""
        own = f"/proc/{self.process.pid}/task/{self.process.pid}/children"
        return {int(word) for word in Path(own).read_text().split()}

    def workers_that_answered(self) -> set[Path]:
        """Those that have evaluated something: each counts in a file of its own, which names its process."""
        opened = {
            Path(os.readlink(link))
            for worker in self.workers()
            for link in Path(f"/proc/{worker}/fd").iterdir()
            if link.exists() and "histogram_" in os.readlink(link)
        }
        return {path for path in opened if b"step_seconds" in path.read_bytes()}

    def metric(self, name: str) -> float:
        """The sum of the samples of one metric."""
        lines = [line for line in self.get("/metrics")[1].splitlines() if line.split("{")[0].split(" ")[0] == name]
        return sum(float(line.rpartition(" ")[2]) for line in lines)

    def hup(self) -> None:
        self.process.send_signal(signal.SIGHUP)

    def slow_call(self) -> socket.socket:
        """A request of which half of the body has been sent, and is being waited for."""
        body = json.dumps(REQUEST).encode()
        raw = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        head = f"POST /cds-services/mgcds-patient-view HTTP/1.1\r\nHost: localhost\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        raw.sendall(head.encode() + body[: len(body) // 2])
        return raw

    @staticmethod
    def finish(raw: socket.socket) -> tuple[int, dict[str, Any]]:
        """Sends the rest of a slow call; its status and answer."""
        body = json.dumps(REQUEST).encode()
        raw.sendall(body[len(body) // 2 :])
        got = b""
        with raw:
            while chunk := raw.recv(65536):
                got += chunk
                head, _, rest = got.partition(b"\r\n\r\n")
                length = next(
                    (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")),
                    None,
                )
                if length is not None and len(rest) >= length:
                    return int(head.split()[1]), json.loads(rest)
        raise AssertionError(f"the connection ended early: {got[:200]!r}")
