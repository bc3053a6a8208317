"""A sweep of recipes: `python -m quant.bench.sweep --json FILE [--csv FILE] [--model FOLDER]`.

Every recipe of `--formats`, `--methods` and `--tables` (the usual list, which ships recorded, unless said) is made and
reads `--text` beside the original. Each row is a line of FILE with `l` appended to its name (sweep.json: sweep.jsonl)
as soon as it is finished: a run that is stopped or killed goes on from there. `--speed` then times writing beside the
float model. FILE and the CSV are the same tidy table. `--ray ADDRESS` spreads the recipes over a Ray cluster ("local"
starts one here). `--record` writes what the page shows at once, assets/sweep.json.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from quant.bench.methods import PACKAGE, SHARED, text_named
from quant.bench.report import arguments, environment
from quant.bench.sweep_ray import on_ray
from quant.bench.sweep_record import record
from quant.errors import QuantError
from quant.evaluation.contenders import BASELINE, contenders
from quant.evaluation.pace import paces
from quant.evaluation.sweep import Entry, Named, sweep
from quant.evaluation.sweep_recipes import SWEPT_FORMATS, TABLES, swept, usual
from quant.evaluation.sweep_store import About, Store
from quant.evaluation.sweep_table import as_csv, as_records, table
from quant.lab import Lab
from quant.texts import EvalText
from quant.work import Work


def versions() -> dict[str, str]:
    """Of what computes a row; code: a digest of the files that the maths of methods are in."""
    seen = environment()
    digest = hashlib.sha256()
    for file in sorted([*(PACKAGE / "methods").glob("*.py"), *(PACKAGE / f"{name}.py" for name in SHARED)]):
        digest.update(file.read_bytes())
    kept = {name: seen["packages"][name] for name in ("torch", "transformers", "numpy", "tokenizers")}
    return {"python": seen["python"], **kept, "code": digest.hexdigest()[:12]}


def asked_for(args: argparse.Namespace, lab: Lab) -> list[Named]:
    """The recipes of the command line. Raises SchemeError for a name that does not exist."""
    loaded = lab.loaded(lab.names()[0])
    if not (args.formats or args.methods or args.tables):
        return usual(loaded)
    formats, methods, tables = (
        args.formats or ",".join(SWEPT_FORMATS),
        args.methods or BASELINE,
        args.tables or TABLES[0],
    )
    return swept(formats.split(","), methods.split(","), tables.split(","), loaded)


def measure(lab: Lab, asked: Sequence[Named], text: EvalText, store: Store) -> list[Entry]:
    """A row for each recipe; what cannot be made is left out with a word."""
    work = sweep(lab, asked, text, store, lambda one, error: say(f"{one.name}: {error}"))
    return list(shown(work, asked))


def shown(work: Work[tuple[Entry, ...]], asked: Sequence[Named]) -> tuple[Entry, ...]:
    """Do the work, and say each row as it comes."""
    seen = 0
    while True:
        try:
            step = next(work)
        except StopIteration as done:
            found: tuple[Entry, ...] = done.value
            return found
        for entry in (step.so_far or ())[seen:]:
            seen += 1
            say(f"{seen}/{len(asked)} {entry.name}: KL {entry.kl.value:.6g}, {entry.stored_bytes} bytes")


def timed(lab: Lab, entries: Sequence[Entry]) -> list[Entry]:
    """The same with how fast each writes, in one alternating pass."""
    work = paces(lab, [entry.recipe for entry in entries])
    while True:
        try:
            say(f"speed: {100 * next(work).fraction:.0f} %")
        except StopIteration as done:
            return [entry.at(done.value[entry.recipe]) for entry in entries]


def write(entries: Sequence[Entry], args: argparse.Namespace, about: dict[str, Any]) -> None:
    """The table as JSON and CSV."""
    rows = table(entries)
    text = json.dumps({**about, "rows": as_records(rows)}, indent=1, ensure_ascii=False)
    if args.csv:
        args.csv.write_text(as_csv(rows), encoding="utf8")
    if args.json:
        args.json.write_text(text + "\n", encoding="utf8")
    else:
        print(text)


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def parser() -> argparse.ArgumentParser:
    made = arguments(__doc__)
    made.add_argument("--csv", type=Path, help="the same table as CSV")
    made.add_argument("--model", type=Path, help="a folder with another model, instead of the embedded one")
    made.add_argument("--formats", default="", help=f"names with commas: {', '.join(SWEPT_FORMATS)}")
    made.add_argument("--methods", default="", help=f"names with commas: {', '.join(contenders())}")
    made.add_argument("--tables", default="", help=f"what becomes of the token table: {', '.join(TABLES)}")
    made.add_argument("--text", default="quick", help="quick (what the page reads), enciclopedia or literatura")
    made.add_argument("--store", type=Path, help="where finished rows are kept, instead of beside FILE")
    made.add_argument("--stored", action="store_true", help="only rows that are in the store already")
    made.add_argument("--speed", action="store_true", help="time writing too, once all rows are there")
    made.add_argument("--ray", help='the address of a Ray cluster; "local" starts one on this machine')
    made.add_argument("--record", action="store_true", help="write what the page shows at once")
    return made


def main() -> None:
    args = parser().parse_args()
    try:
        run(args)
    except QuantError as error:
        sys.exit(str(error))


def run(args: argparse.Namespace) -> None:
    lab = Lab(args.model)
    name, text = lab.names()[0], text_named(args.text)
    asked = asked_for(args, lab)
    about = About.of(lab.loaded(name), text, versions())
    store = Store(args.store or (args.json or Path("sweep.json")).with_suffix(".jsonl"), about)
    if store.ignored:
        say(store.ignored.en)
    if args.stored:
        asked = [one for one in asked if store.get(one)]
    entries = (
        on_ray(args.ray, args.model, asked, args.text, store, say) if args.ray else measure(lab, asked, text, store)
    )
    if args.speed or args.record:
        entries = timed(lab, entries)
    write(entries, args, {"model": name, "text": text.name, "about": vars(about), "environment": environment(0)})
    if args.record:
        record(lab, entries, text, dict(about.versions), say)


if __name__ == "__main__":
    torch.manual_seed(0)
    main()
