"""Asks a running service for many evaluations, and says whether the memory of its workers stays flat.

    python benchmarks/soak.py --evaluations 20000 --workers 4

Starts `mgcds serve` on a free loopback port with a data folder of its own, sends the requests of fhir_fixtures in turn, each as
a new hook instance, reads the resident memory of each worker after a tenth and at the end, and prints both as JSON.
How far it is stands on stderr. Exit code 1: a call failed, a worker was restarted, or memory grew by more than --most.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

ROOT = Path(__file__).parent.parent
FIXTURES = ROOT / "fhir_fixtures"
# Calls of a connection. With one connection for all of them, a worker that none led to would count as warm without a call.
RECONNECT = 50


def main() -> int:
    """Runs the soak; gives the exit code."""
    parser = argparse.ArgumentParser(description="Memory and errors of the service over many evaluations.")
    parser.add_argument("--evaluations", type=int, default=20_000)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--clients", type=int, default=4, help="connections at a time")
    parser.add_argument("--most", type=float, default=1.05, help="largest ratio of memory at the end to memory after warm-up")
    told = parser.parse_args()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    expected = json.loads((FIXTURES / "expected.json").read_text())
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"MGCDS_DATA_DIR": folder, "MGCDS_TODAY": expected["today"], "MGCDS_LOG_LEVEL": "WARNING"}
        service = subprocess.Popen(
            [sys.executable, "-m", "mgcds.cli", "serve", "--port", str(port), "--workers", str(told.workers)], env=environment
        )
        try:
            wait(port, service)
            found = soak(port, told.evaluations, told.clients)
        finally:
            service.terminate()
            code = service.wait(timeout=60)
    found |= {"workers": told.workers, "evaluations": told.evaluations, "exit": code}
    good = (
        found["requests"] == told.evaluations
        and not found["errors"]
        and not found["restarts"]
        and code == 0
        and found["largest_ratio"] <= told.most
    )
    print(json.dumps(found | {"good": good}, indent=2))
    return 0 if good else 1


def soak(port: int, evaluations: int, clients: int) -> dict[str, object]:
    """Sends the evaluations; memory by process after a tenth and at the end, in MB."""
    bodies = [request for path in sorted((FIXTURES / "requests").glob("*.json")) if answers(port, request := read(path)) == 200]
    statuses: list[int] = []
    memories: list[dict[str, float]] = []
    started = time.perf_counter()

    def ask(numbers: Iterator[int]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        for count, number in enumerate(numbers):  # shared by the clients
            if count % RECONNECT == 0:
                connection.close()
            try:
                statuses.append(answers(port, bodies[number % len(bodies)], number, connection))
            except (OSError, http.client.HTTPException):  # a broken call is an error too, and must not end its client
                statuses.append(0)
                connection.close()
        connection.close()

    for tenth in range(10):
        numbers = iter(range(evaluations * tenth // 10, evaluations * (tenth + 1) // 10))
        threads = [threading.Thread(target=ask, args=(numbers,)) for _ in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        memories.append(memory(port))
        rate, errors = len(statuses) / (time.perf_counter() - started), sum(status != 200 for status in statuses)
        print(f"{len(statuses)} requests, {errors} errors, {rate:.0f} a second, MB {memories[-1]}", file=sys.stderr, flush=True)
    warm, end, restarts = memories[0], memories[-1], counted(port, "mgcds_worker_restarts_total").get("", 0.0)
    ratios = {process: round(end[process] / warm[process], 3) for process in warm if process in end}
    return {
        "requests": len(statuses),
        "different_requests": len(bodies),
        "errors": errors,
        "restarts": restarts,
        "per_second": round(len(statuses) / (time.perf_counter() - started), 1),
        "warm_mb": warm,
        "end_mb": end,
        "ratios": ratios,
        "largest_ratio": max(ratios.values()),
    }


def read(path: Path) -> dict[str, object]:
    """A request of the fixtures."""
    request: dict[str, object] = json.loads(path.read_text(encoding="utf-8"))
    return request


def answers(
    port: int, request: dict[str, object], number: int = 0, connection: http.client.HTTPConnection | None = None
) -> int:
    """The status of one call."""
    own = connection or http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    body = json.dumps(request | {"hookInstance": str(UUID(int=number, version=4))})
    own.request("POST", f"/cds-services/mgcds-{request['hook']}", body, {"content-type": "application/json"})
    answer = own.getresponse()
    answer.read()
    if connection is None:
        own.close()
    return answer.status


def counted(port: int, name: str) -> dict[str, float]:
    """The samples of a metric by their labels."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        lines = [line for line in answer.read().decode().splitlines() if line.startswith((f"{name}{{", f"{name} "))]
    return {line[len(name) :].rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}


def memory(port: int) -> dict[str, float]:
    """Resident memory by process, in MB."""
    time.sleep(1)  # workers tell it four times a second
    return {labels: round(size / 1e6, 1) for labels, size in counted(port, "mgcds_resident_bytes").items()}


def wait(port: int, service: subprocess.Popen[bytes]) -> None:
    """Until the service is ready."""
    while service.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.2)
    raise SystemExit("the service did not start")


if __name__ == "__main__":
    sys.exit(main())
