"""What the page shows of a sweep at once: the rows, the floor and KL by certainty, as `assets/sweep.json` has them."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from quant.bench.report import environment
from quant.evaluation.certainty import by_certainty
from quant.evaluation.compare import compare
from quant.evaluation.figure_json import DIGITS, Figure
from quant.evaluation.figures import figures
from quant.evaluation.floor import floor
from quant.evaluation.sweep import Entry
from quant.evaluation.sweep_json import EntryJson
from quant.lab import Lab
from quant.model.load import EMBEDDED
from quant.recorded import WEIGHTS, sha256_of
from quant.recorded_sweep import FILE, BinJson, Certainty
from quant.size import size_report
from quant.texts import EvalText
from quant.work import finished

# Of which KL by certainty is recorded: from a loss that nobody sees to one that everybody does.
SURE_OF = ("INT8 g64", "INT6 g64", "Q4_K", "INT3 g64", "INT2 g64")
LEFT_OUT = {"tokens", "text_name"}  # what every row shares
CPU_INFO = Path("/proc/cpuinfo")


def record(lab: Lab, entries: Sequence[Entry], text: EvalText, versions: dict[str, str],
           say: Callable[[str], None]) -> None:  # fmt: skip
    """Write the asset: a row a line."""
    reference = lab.reference(EMBEDDED, text)
    whole = compare(reference, lab.loaded(EMBEDDED))
    say("floor")
    lowest = finished(floor(reference))
    about = {
        "model_sha256": sha256_of(WEIGHTS), "versions": versions, "threads": environment()["threads"],
        "machine": machine(), "text_name": text.name, "protocol": asdict(whole.protocol),
        "perplexity_original": Figure.of(figures(whole).perplexity_original).model_dump(),
        "float_bytes": size_report(lab.loaded(EMBEDDED), entries[0].recipe).float_bytes,
        "tokens": entries[0].tokens, "floor": [Figure.of(one).model_dump() for one in lowest.seeds],
    }  # fmt: skip
    certainty = [sure(lab, entry, text).model_dump() for entry in entries if entry.name in SURE_OF]
    rows = [row(entry) for entry in entries]
    FILE.write_text(laid_out(about, certainty, rows), encoding="utf8")
    say(f"{FILE.name}: {len(rows)} rows, {FILE.stat().st_size} bytes")


def row(entry: Entry) -> dict[str, Any]:
    """A row as it is recorded, to six digits, without what all share and what it has not."""
    found = EntryJson.of(entry, DIGITS).model_dump(exclude=LEFT_OUT)
    return {name: value for name, value in found.items() if value is not None}


def sure(lab: Lab, entry: Entry, text: EvalText) -> Certainty:
    """KL by certainty of one recipe."""
    quantized = finished(lab.quantized(entry.recipe))
    compared = finished(lab.measured(entry.recipe, text, quantized))
    return Certainty(name=entry.name, bins=tuple(BinJson.of(one) for one in by_certainty(compared.tokens)))


def laid_out(about: dict[str, Any], certainty: Sequence[dict[str, Any]], rows: Sequence[dict[str, Any]]) -> str:
    """JSON with a line for each thing that may change."""
    lists = {"certainty": certainty, "rows": rows}
    lines = [f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}" for name, value in about.items()]
    for name, found in lists.items():
        each = ",\n".join(json.dumps(one, ensure_ascii=False) for one in found)
        lines.append(f"{json.dumps(name)}: [\n{each}\n]")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def machine() -> str:
    """The processor as the system calls it, its cores, and how many programs were waiting for them."""
    name = platform.processor() or platform.machine()
    if CPU_INFO.is_file():
        lines = CPU_INFO.read_text(encoding="utf8").splitlines()
        name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), name)
    return f"{name}, {os.cpu_count()} cores, load {os.getloadavg()[1]:.0f}"
