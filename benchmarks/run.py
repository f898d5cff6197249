"""Measures the service beside a floor and a peer and writes docs/reference/performance.md. `make bench`.

All servers run at once and are asked in turn, A B C A B C, so that whatever else the machine does meets each of them; what is
compared are medians over the turns. Nothing is timed before its answer is right.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path

from benchmarks import load, servers
from benchmarks.charts import SIZES, TODAY, request
from benchmarks.many_rules import tenfold
from benchmarks.servers import ROOT, Server
from benchmarks.stages import milliseconds, stages
from mgcds.chart.intake import read_chart
from mgcds.engine.evaluate import Engine
from mgcds.language.load import load as load_library
from mgcds.service.body import parse

PAGE = ROOT / "docs/reference/performance.md"
EXPECTED = {"mg-low-ppi-diuretic", "mg-low-on-supplement", "ppi-beers-lowmg", "mg-bisphosphonate"}
RIGHT = {"floor": {"floor"}, "peer": {"peer"}, "mgcds": EXPECTED}
REACH = {"10 kB": 6, "60 kB": 2.5, "500 kB": 1.2, "4.9 MB": 1}
REACH_A_SECOND = {"10 kB": 0.2, "60 kB": 0.4, "500 kB": 0.8}
PATIENTS = 20
Lines = list[str]


def checked(server: Server, bodies: Sequence[bytes]) -> list[bytes]:
    """The requests, after their answers have been found right. Raises SystemExit."""
    asked = [load.http(server.path, body, server.port) for body in bodies]
    client = load.Client(server.port)
    for each in asked:
        found = load.rules_of(client.ask(each))
        if found != RIGHT[server.name]:
            raise SystemExit(f"{server.name} answers {sorted(found)}: nothing is measured of a wrong answer")
    client.close()
    return asked


def of_patients(size: int) -> list[bytes]:
    """Requests of a size about several patients: a server that only remembers its last answers gains little."""
    return [request(size, number=number) for number in range(PATIENTS)]


def one_client(all_of: list[Server], rounds: int) -> Lines:
    """p50 and p99 with one client, by size, and the ratios."""
    lines = [
        "| request | who | p50 ms | p99 ms | p50 against the floor | against the peer | reach |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    cost = []
    for name, size in SIZES.items():
        bodies = of_patients(size)
        asked = {server.name: checked(server, bodies) for server in all_of}
        count = max(5, min(100, 2_000_000 // size))
        taken: dict[str, list[load.Taken]] = {server.name: [] for server in all_of}
        for _ in range(rounds):
            for server in all_of:
                taken[server.name].append(load.one_by_one(server.port, asked[server.name], count))
        half = {who: statistics.median(turn.at(0.5) for turn in turns) for who, turns in taken.items()}
        most = {who: load.Taken([s for turn in turns for s in turn.seconds]).at(0.99) for who, turns in taken.items()}
        cost.append(1000 * sum(t.cost for turns in taken.values() for t in turns) / (3 * rounds * count))
        for who in half:
            ratios = (f"{half[who] / half['floor']:.1f}", f"{half[who] / half['peer']:.2f}", f"{REACH[name]:g}, below 1")
            shown = ratios if who == "mgcds" else ("", "", "")
            lines.append(f"| {name} | {who} | {half[who]:.2f} | {most[who]:.2f} | {' | '.join(shown)} |")
        print(lines[-len(half) :], flush=True)
    lines += ["", "CPU of the client itself, ms a request: " + ", ".join(f"{each:.2f}" for each in cost) + "."]
    return lines


def under_load(floor: Server, own: Server, rounds: int) -> Lines:
    """Requests a second with one worker a core against the floor's, and p99 at 80 % of each one's own rate against p50.

    Requests come at random moments, so some wait behind others however fast the server is: the floor's ratio shows how many.
    """
    lines = ["| request | floor a second | mgcds a second | share | reach | p50 alone ms | p50 at 80 % ms | p99 at 80 % ms "
             "| p99 / p50 alone | p99 / p50 at 80 % | reach | floor: p99 / p50 alone |",
             "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|"]  # fmt: skip
    for name, reach in REACH_A_SECOND.items():
        bodies = of_patients(SIZES[name])
        asked = {server.name: checked(server, bodies) for server in (floor, own)}
        count = max(40, min(400, 8_000_000 // SIZES[name]))
        rates: dict[str, list[float]] = {"floor": [], "mgcds": []}
        for _ in range(rounds):
            for server in (floor, own):
                rates[server.name].append(load.at_once(server.port, asked[server.name], count, 4).a_second)
        rate = {who: statistics.median(each) for who, each in rates.items()}
        alone: dict[str, list[float]] = {"floor": [], "mgcds": []}
        half: dict[str, list[float]] = {"floor": [], "mgcds": []}
        tail: dict[str, list[float]] = {"floor": [], "mgcds": []}
        for turn in range(rounds):
            for server in (floor, own):
                who = server.name
                alone[who].append(load.one_by_one(server.port, asked[who], count // 4).at(0.5))
                busy = load.at_rate(server.port, asked[who], count, 0.8 * rate[who], 16, seed=turn)
                half[who].append(busy.at(0.5))
                tail[who].append(busy.at(0.99))
        own_alone, own_half, own_tail = (statistics.median(each["mgcds"]) for each in (alone, half, tail))
        usual = statistics.median(tail["floor"]) / statistics.median(alone["floor"])
        lines.append(f"| {name} | {rate['floor']:.0f} | {rate['mgcds']:.0f} | {rate['mgcds'] / rate['floor']:.2f} | {reach} "
                     f"| {own_alone:.1f} | {own_half:.1f} | {own_tail:.1f} "
                     f"| {own_tail / own_alone:.1f} | {own_tail / own_half:.1f} | 5 | {usual:.1f} |")  # fmt: skip
        print(lines[-1], flush=True)
    return lines


def steps(engine: Engine) -> Lines:
    """CPU time by step."""
    lines, names = [], []
    for name, size in SIZES.items():
        found = stages(engine, request(size), max(3, min(40, 2_000_000 // size)))
        names = list(found)
        lines.append(f"| {name} | {' | '.join(f'{each:.2f}' for each in found.values())} |")
    return [f"| request | {' | '.join(names)} |", f"|---|{'--:|' * len(names)}", *lines]


def tenfold_rules(engine: Engine) -> str:
    """How much longer ten times the rules take, and whether they find ten times as much."""
    sent = parse(request(SIZES["10 kB"]))
    chart = read_chart(hook=sent["hook"], context=sent["context"], prefetch=sent["prefetch"],
                       terminology=engine.library.terminology, today=TODAY)  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        many = Engine(load_library(tenfold(Path(folder))))
    found = [{rule for rule, outcome in each.evaluate(chart).outcomes.items() if outcome.state in ("fired", "superseded")}
             for each in (engine, many)]  # fmt: skip
    if not found[0] or {rule.rsplit("-x", 1)[0] for rule in found[1]} != found[0] or len(found[1]) < 5 * len(found[0]):
        raise SystemExit(f"ten times the rules find something else: {len(found[0])}, {len(found[1])}")
    times: dict[int, list[float]] = {0: [], 1: []}
    for _ in range(5):
        for number, each in enumerate((engine, many)):
            times[number].append(milliseconds(lambda each=each: each.evaluate(chart), 20))  # type: ignore[misc]
    few, more = (statistics.median(each) for each in times.values())
    count = (len(engine.library.rules), len(many.library.rules))
    what = f"{count[1]} rules against {count[0]}, evaluation with both engines (CPU {more:.1f} and {few:.1f} ms)"
    return f"| {what} | {more / few:.1f}x | 3x |"


def tenfold_entries(engine: Engine) -> str:
    """How much longer ten times the entries take, from bytes to findings."""
    few, more = request(60_000), request(600_000)

    def answered(body: bytes) -> object:
        sent = parse(body)
        chart = read_chart(hook=sent["hook"], context=sent["context"], prefetch=sent["prefetch"],
                           terminology=engine.library.terminology, today=TODAY)  # fmt: skip
        return engine.evaluate(chart)

    times: dict[bytes, list[float]] = {few: [], more: []}
    for _ in range(5):
        for body, own in times.items():
            own.append(milliseconds(lambda body=body: answered(body), 5))  # type: ignore[misc]
    ratio = statistics.median(times[more]) / statistics.median(times[few])
    return f"| entries x10 (60 kB to 600 kB), from bytes to findings (CPU) | {ratio:.1f}x | 11x |"


def cold_start() -> str:
    """Seconds from the start of the service to its first answer; the first start, which may write bytecode, is not counted."""
    starts = []
    for _ in range(6):
        with servers.ours() as own:
            starts.append(own.started)
    return f"| cold start to the first answer, s | {statistics.median(starts[1:]):.1f} | 1.5 |"


def folder_of_patients(count: int) -> str:
    """Patients a second of `mgcds evaluate DIR --json`, start included."""
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            (Path(folder) / f"{number:04}.json").write_bytes(request(60_000, number=number))
        begun = time.perf_counter()
        made = subprocess.run(
            [sys.executable, "-m", "mgcds.cli", "evaluate", folder, "--json", "--today", TODAY.isoformat()],
            cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT / "src")}, capture_output=True, check=True,
        )  # fmt: skip
        lasted = time.perf_counter() - begun
    answers = [json.loads(line) for line in made.stdout.splitlines()]
    if len(answers) != count or not all(answer["cards"] for answer in answers):
        raise SystemExit("mgcds evaluate did not answer every patient with cards")
    return f"| `mgcds evaluate` on {count} patients of 60 kB, patients a second, start included | {count / lasted:.0f} | 1000 |"


def machine() -> str:
    """What it ran on."""
    cpu = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                if line.startswith("model name")), platform.machine())  # fmt: skip
    packages = ("durable-rules", "fastapi", "uvicorn", "uvloop", "httptools", "orjson", "jiter", "pydantic")
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    busy = f"load average {os.getloadavg()[0]:.1f} at the start"
    cores = len(os.sched_getaffinity(0))
    return f"{cpu}, {cores} cores, {busy}; Python {platform.python_version()}; {versions}; peer {servers.PEER}."


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="few turns and 200 patients: a look, not a measurement")
    arguments.add_argument("--write", type=Path, default=PAGE, help="the page to write")
    given = arguments.parse_args()
    rounds, patients = (3, 200) if given.quick else (9, 1000)
    about = machine()
    single = []
    with ExitStack() as stack:
        floor, own, peer = (stack.enter_context(start()) for start in (servers.floor, servers.ours, servers.peer))
        single = one_client([floor, own, peer], rounds)
        memory = own.memory()
        client, asked = load.Client(own.port), load.http(own.path, request(SIZES["10 kB"]), own.port)
        first = own.memory()
        for _ in range(300 if given.quick else 3000):
            client.ask(asked)
        grown = own.memory() - first
    cores = len(os.sched_getaffinity(0))
    with ExitStack() as stack:
        together = under_load(
            stack.enter_context(servers.floor(cores)), stack.enter_context(servers.ours(cores)), rounds // 2 + 1
        )
    engine = Engine(load_library(ROOT / "rules"))
    gc.collect()
    gc.freeze()
    others = [
        tenfold_rules(engine),
        tenfold_entries(engine),
        f"| memory of a worker after requests of every size, MB | {memory:.0f} | 150 |",
        f"| growth of its memory over {300 if given.quick else 3000} requests of 10 kB, MB | {grown:.1f} | flat |",
        cold_start(),
        folder_of_patients(patients),
    ]
    page = [
        "# How fast it is", "",
        "Made by `make bench`. The floor is a raw ASGI app that parses the body with orjson and answers a constant; the peer",
        "is HealthChain's CDS Hooks service with one rule on dictionaries. Ours has all rules and both engines, and records",
        "what it shows in a database. All run at once and are asked in turn; ratios are of medians. Absolute times are those",
        "of the machine as busy as it was; the ratios are what to look at. Every answer is checked before it is timed; requests",
        f"are about {PATIENTS} patients in turn.", "",
        about, "", "## One client", "", *single, "", "## One worker a core", "", *together, "",
        "## CPU time by step, ms", "", *steps(engine), "",
        "`orjson` is what the floor pays for the same bytes. `durable` is durable-rules, `referee` the second engine;",
        "`evaluate` is answers, both engines, their comparison and the policy; `referee alone` the same without durable-rules.", "",
        "## And", "", "| figure | measured | reach |", "|---|--:|--:|", *others, "",
    ]  # fmt: skip
    given.write.write_text("\n".join(page), encoding="utf-8")
    print("\n".join(page))


if __name__ == "__main__":
    main()
