"""CPU time of each step from bytes to answer, in one process without a server. For finding out where time goes."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from typing import Any

import orjson

from benchmarks.charts import SIZES, TODAY, request
from mgcds.cards import respond
from mgcds.chart.intake import read_chart
from mgcds.engine.answers import answer_all
from mgcds.engine.evaluate import Engine
from mgcds.engine.referee import referee
from mgcds.language.load import load
from mgcds.service.body import parse
from mgcds.settings import Settings


def milliseconds(run: Callable[[], Any], rounds: int) -> float:
    """The median CPU time of a call."""
    times = []
    for _ in range(rounds):
        begun = time.process_time_ns()
        run()
        times.append((time.process_time_ns() - begun) / 1e6)
    return statistics.median(times)


def stages(engine: Engine, body: bytes, rounds: int) -> dict[str, float]:
    """Milliseconds of CPU by step; `orjson` is what the floor pays for reading the same bytes."""
    sent = parse(body)

    def read() -> Any:
        return read_chart(hook=sent["hook"], context=sent["context"], prefetch=sent["prefetch"],
                          terminology=engine.library.terminology, today=TODAY)  # fmt: skip

    chart = read()
    answers = answer_all(chart, engine.library)
    evaluation = engine.evaluate(chart)
    session = engine.session
    assert session is not None
    alone = Engine(engine.library, with_durable=False)
    referee(engine.library, answers, chart.hook)
    return {
        "orjson": milliseconds(lambda: orjson.loads(body), rounds),
        "parse": milliseconds(lambda: parse(body), rounds),
        "chart": milliseconds(read, rounds),
        "answers": milliseconds(lambda: answer_all(chart, engine.library), rounds),
        "referee": milliseconds(lambda: referee(engine.library, answers, chart.hook), rounds),
        "durable": milliseconds(lambda: session.run(answers, chart.hook), rounds),
        "evaluate": milliseconds(lambda: engine.evaluate(chart), rounds),
        "referee alone": milliseconds(lambda: alone.evaluate(chart), rounds),
        "cards": milliseconds(
            lambda: respond(evaluation, service_id="s", hook_instance="i", public_url="https://cds.example.org"), rounds
        ),
    }


def main() -> None:
    engine = Engine(load(Settings().rules))
    gc.collect()
    gc.freeze()
    for name, size in SIZES.items():
        found = stages(engine, request(size), max(3, 4_000_000 // size if size < 1_000_000 else 5))
        print(name, {step: round(time, 3) for step, time in found.items()}, flush=True)


if __name__ == "__main__":
    main()
