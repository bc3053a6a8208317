"""What many visitors at once get from the page, and what they leave behind: `python -m quant.bench.load --visitors N`.

The page runs in a process of its own; the visitors, in this one, speak its protocol as a browser does: they fetch the
page, keep a heartbeat open, join the queue and read one stream of events. A light visitor has one of six recipes, moves
its bits, waits for all that follows, looks for a few seconds and moves again; one in five presses Write or Measure, at
any bits, again and again instead.

    p95_ms.slider_alone    one visitor's move of the slider, until the last figure that follows it is there
    p95_ms.slider_loaded   the same while all the others are there
    silent_s               the longest anybody waited for a first sign of what they had asked for
    errors                 answers that were errors; full: polite ones that the place is full
    memory_growth          resident memory after `--calls` light calls and `--visits` visits, over what it was after a
                           warm-up, minus 1
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from pathlib import Path
from statistics import median
from typing import Any

import httpx

from quant.bench.report import arguments, write
from quant.bench.startup import serving
from quant.bench.visitor import Visitor, Watch, page_config

SEED = 0
LOOKS_S = (2.0, 6.0)  # how long a visitor looks at what a move has shown
HEAVY_SHARE = 5  # one in so many visitors writes or measures
AT_ONCE = 4  # visits and calls of the memory run
WARM_VISITS, WARM_CALLS = 150, 400


async def alone(url: str, config: dict[str, Any], moves: int) -> list[float]:
    """Seconds of each move of the only visitor."""
    watch = Watch()
    async with httpx.AsyncClient(base_url=url, timeout=None) as client:
        visitor = Visitor(client, config, random.Random(SEED), watch)
        await visitor.open()
        for _ in range(moves):
            await visitor.move()
    return watch.light[-moves:]


async def crowd(url: str, config: dict[str, Any], visitors: int, lasts_s: float) -> Watch:
    """All visitors for a while."""
    watch, ends = Watch(), time.monotonic() + lasts_s
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx.AsyncClient(base_url=url, timeout=None, limits=limits) as client:

        async def visit(number: int) -> None:
            rng = random.Random(SEED + number)
            visitor = Visitor(client, config, rng, watch)
            await asyncio.sleep(rng.uniform(0, LOOKS_S[1]))
            await visitor.open()
            while time.monotonic() < ends:
                if number % HEAVY_SHARE == 0:
                    visitor.values[visitor.ids["bits-es"]] = rng.randint(2, 8)
                    await visitor.press(rng.choice(("write-es", "measure-es")))
                else:
                    await visitor.move()
                await asyncio.sleep(rng.uniform(*LOOKS_S))

        works = [asyncio.create_task(visit(number)) for number in range(visitors)]
        await asyncio.wait(works, timeout=lasts_s + LOOKS_S[1])
        for work in works:  # who still waits for heavy work leaves
            work.cancel()
        await asyncio.gather(*works, return_exceptions=True)
    return watch


async def many(url: str, config: dict[str, Any], visits: int, calls: int) -> Watch:
    """Visits that move the slider once and leave, and calls of programs, each a session of its own."""
    watch, jobs = Watch(), ["visit"] * visits + ["call"] * (calls - visits)
    random.Random(SEED).shuffle(jobs)
    async with httpx.AsyncClient(base_url=url, timeout=None) as client:

        async def work(number: int) -> None:
            while jobs:
                visitor = Visitor(client, config, random.Random(number + len(jobs)), watch)
                if jobs.pop() == "call":
                    await visitor.call("weights")
                    continue
                await visitor.open()
                await visitor.move()
                visitor.leave()

        await asyncio.gather(*(work(number) for number in range(AT_ONCE)))
    return watch


def resident_bytes(process: int) -> int:
    """What a process has in memory."""
    status = Path(f"/proc/{process}/status").read_text()
    return 1024 * int(status.partition("VmRSS:")[2].split()[0])


def p95_ms(seconds: list[float]) -> float:
    return round(1e3 * sorted(seconds)[int(0.95 * len(seconds))], 1)


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--visitors", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=60, help="how long they stay")
    parser.add_argument("--visits", type=int, default=500, help="of the memory run; 0: none")
    parser.add_argument("--calls", type=int, default=2000, help="light calls of the memory run")
    args = parser.parse_args()
    with serving() as (url, process):
        config = asyncio.run(page_config(url))
        single = asyncio.run(alone(url, config, 30))
        before = os.getloadavg()[0]
        seen = asyncio.run(crowd(url, config, args.visitors, args.seconds))
        figures: dict[str, Any] = {
            "visitors": args.visitors, "heavy_visitors": -(-args.visitors // HEAVY_SHARE), "seconds": args.seconds,
            "p95_ms": {"slider_alone": p95_ms(single), "slider_loaded": p95_ms(seen.light)},
            "median_ms": {"slider_alone": round(1e3 * median(single), 1),
                          "slider_loaded": round(1e3 * median(seen.light), 1)},
            "moves": len(seen.light), "heavy_runs": len(seen.heavy), "heavy_done": sum(h.done for h in seen.heavy),
            "silent_s": round(max((h.first_s for h in seen.heavy), default=0.0), 3), "errors": len(seen.errors),
            "full": seen.full, "load_average": [round(before, 2), round(os.getloadavg()[0], 2)],
        }  # fmt: skip
        if args.visits:
            errors = [*asyncio.run(many(url, config, WARM_VISITS, WARM_CALLS)).errors]
            warm = resident_bytes(process)
            errors += asyncio.run(many(url, config, args.visits, args.calls)).errors
            after = resident_bytes(process)
            figures |= {"memory_growth": round(after / warm - 1, 4), "resident_mb": [warm >> 20, after >> 20]}
            figures["errors"] += len(errors)
            seen.errors += errors
        figures["errors_said"] = sorted(set(seen.errors))[:5]
    write(figures, args.json, seed=SEED)


if __name__ == "__main__":
    main()
