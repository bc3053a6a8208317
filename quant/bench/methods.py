"""Every method at equal bits per weight: `python -m quant.bench.methods --json FILE [--model FOLDER]`.

The linear layers of a model are quantized by each contender at 8, 4, 3 and 2 bits in groups of 64, the table left as it
is stored, and read a held-out text beside the original: KL with its interval, perplexity, weight and output error,
seconds, bytes. `ratios` holds the best calibrated method's KL over that of rounding with a zero point, at 3 and 4
bits; `cache` the KL of keys and values at 8 and 4 bits and the reverse; `seconds_124m` and `peak_extra_bytes` what each
method takes on the shape of GPT-2 124M.

What FILE holds already, of the same recipe, text, versions and code of the method, is kept, so that a run that was
interrupted goes on: it is written after each row. `--record` writes what the page shows at once, assets/methods.json;
`--readme` writes the table of that file into the README, in both languages.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import inspect
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from quant.bench import methods_table
from quant.bench.methods_speed import methods_speed
from quant.bench.recorded import default_text
from quant.bench.report import arguments, environment
from quant.errors import QuantError
from quant.evaluation.compare import Reference, compare
from quant.evaluation.contenders import BASELINE, contenders, standard
from quant.evaluation.figures import figures
from quant.evaluation.methods import row
from quant.lab import Lab
from quant.methods import METHODS, TRANSFORMS, rtn
from quant.model.load import EMBEDDED, LoadedModel
from quant.quantization import quantize_model
from quant.recipe import Recipe, Rule, cache_scheme
from quant.recorded import WEIGHTS, sha256_of
from quant.recorded_methods import FILE, RECORDED_BITS, Compared, Figure, of_row
from quant.texts import EvalText, shipped_text
from quant.work import finished

PACKAGE = Path(__file__).resolve().parents[1]
# What every method goes through on its way to a model.
SHARED = ("blockwise", "calibrate", "codebooks", "floats", "folding", "formats", "hadamard", "nearest", "qtensor")
CACHES = {"k8v4_kl": (8, 4), "k4v8_kl": (4, 8)}


def code_of(name: str) -> str:
    """A digest of the files that a contender's maths are in: its own, those of methods that it uses, and `SHARED`."""
    digest = hashlib.sha256()
    for file in files_of(name):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def files_of(name: str) -> list[Path]:
    """The files of a contender, in order of their names; a transform's weights are rounded after it."""
    sources = [METHODS[name].run] if name in METHODS else [importlib.import_module(f"quant.methods.{name}"), rtn]
    found, todo = {PACKAGE / f"{shared}.py" for shared in SHARED}, [Path(inspect.getfile(s)).resolve() for s in sources]
    while todo:
        file = todo.pop()
        if file not in found:
            found.add(file)
            todo += imported(file)
    return sorted(found)


def imported(file: Path) -> list[Path]:
    """The files of quant.methods that one imports."""
    nodes = [n for n in ast.walk(ast.parse(file.read_bytes())) if isinstance(n, ast.ImportFrom)]
    named = {node.module or "" for node in nodes}
    named |= {f"{node.module}.{alias.name}" for node in nodes for alias in node.names}
    paths = [PACKAGE.parent / (name.replace(".", "/") + ".py") for name in named if name.startswith("quant.methods.")]
    return [path for path in paths if path.is_file()]


class Table:
    """The rows of one model on one text, kept in a file as they come."""

    def __init__(self, path: Path | None, lab: Lab, model: str, text: EvalText) -> None:
        self.path, self.lab, self.model, self.text = path, lab, model, text
        self.rows: list[Compared] = []
        self.rest: dict[str, Any] = {"skipped": {}}
        self.about = self._about()
        if path and path.is_file():
            self._resume(json.loads(path.read_text(encoding="utf8")))

    def _about(self) -> dict[str, Any]:
        seen, loaded = environment(0), self.lab.loaded(self.model)
        whole = compare(Reference(loaded, self.text, at_least=1), loaded)
        return {
            "model": self.model,
            "model_sha256": sha256_of(WEIGHTS) if self.model == EMBEDDED else "",
            "versions": {"python": seen["python"], **seen["packages"]}, "threads": seen["threads"],
            "text_name": self.text.name, "protocol": asdict(whole.protocol),
            "perplexity_original": Figure.of(figures(whole).perplexity_original).model_dump(),
        }  # fmt: skip

    def _resume(self, found: dict[str, Any]) -> None:
        """Keep what was measured of the same weights on the same text with the same versions."""
        same = ("model_sha256", "versions", "text_name", "protocol")
        if [found.get(name) for name in same] == [self.about[name] for name in same]:
            self.rows = [Compared(**{**one, "live": False}) for one in found["rows"]]
            self.rest |= {name: found[name] for name in ("cache", "seconds_124m", "peak_extra_bytes") if name in found}

    def measure(self, names: Sequence[str], all_bits: Sequence[int]) -> None:
        """A row for each method and number of bits, unless it is there."""
        todo = [(bits, name) for bits in all_bits for name in names]
        for place, (bits, name) in enumerate(todo, 1):
            start, loaded = time.perf_counter(), self.lab.loaded(self.model)
            label = f"{place}/{len(todo)} {name} {bits} bits"
            try:
                recipe = standard(name, bits, loaded)
                known = self._known(name, bits, recipe)
                if known is None:
                    made = of_row(name, bits, finished(row(self.lab, recipe, self.text)))
                    known = made.model_copy(update={"live": False, "code": code_of(name)})
                    self.rows = [r for r in self.rows if (r.name, r.bits) != (name, bits)] + [known]
                    self.write()
                say(f"{label}: KL {known.kl.value} in {time.perf_counter() - start:.0f} s")
            except QuantError as error:
                self.rest["skipped"][f"{name} {bits}"] = str(error)
                say(f"{label}: {error}")

    def _known(self, name: str, bits: int, recipe: Recipe) -> Compared | None:
        fits = (r for r in self.rows if (r.name, r.bits, r.code) == (name, bits, code_of(name)) and r.made == recipe)
        return next(fits, None)

    def also(self, name: str, make: Callable[[], Any]) -> None:
        """Another figure, unless it is there; skipped with a word where it cannot be had yet."""
        if name in self.rest:
            return
        try:
            self.rest[name] = make()
        except QuantError as error:
            self.rest["skipped"][name] = str(error)
            say(f"{name}: {error}")
        self.write()

    def ordered(self) -> list[Compared]:
        order = list(contenders())
        known = [r for r in self.rows if r.name in order]
        return sorted(known, key=lambda r: (-r.bits, order.index(r.name)))

    def write(self) -> None:
        found = {
            **self.about, "rows": [r.model_dump(exclude={"live"}) for r in self.ordered()],
            "ratios": ratios(self.rows), **self.rest, "environment": environment(0),
        }  # fmt: skip
        text = json.dumps(found, indent=1, ensure_ascii=False) + "\n"
        if self.path:
            self.path.write_text(text, encoding="utf8")

    def recorded(self) -> str:
        """What the page reads: the rows and what they are of, a row a line."""
        kept = {name: value for name, value in self.about.items() if name != "model"}
        rows = ",\n".join(json.dumps(r.model_dump(exclude={"live"}), ensure_ascii=False) for r in self.ordered())
        return json.dumps(kept | {"rows": []}, indent=1, ensure_ascii=False).removesuffix("]\n}") + f"\n{rows}\n]}}\n"


def ratios(rows: Sequence[Compared]) -> dict[str, float | str | None]:
    """The best calibrated method's KL over that of rounding with a zero point, and which it is."""
    found: dict[str, float | str | None] = {}
    for bits in (3, 4):
        at = [r for r in rows if r.bits == bits]
        base = next((r.kl.value for r in at if r.name == BASELINE), None)
        calibrated = [(r.kl.value, r.name) for r in at if r.made.calibration is not None and r.kl.value is not None]
        best = min(calibrated, default=None)
        found[f"kl_{bits}bit_best_vs_rounding"] = None if best is None or not base else best[0] / base
        found[f"kl_{bits}bit_best"] = best and best[1]
    return found


def cache_rows(lab: Lab, model: str, text: EvalText) -> dict[str, float]:
    """KL in nats of keys and values stored in 8 and 4 bits and the reverse, weights in float. Raises QuantError."""
    loaded = lab.loaded(model)
    return {
        name: figures(compare(lab.reference(model, text), quantize_model(loaded, cached(loaded, *bits)))).kl_mean.value
        for name, bits in CACHES.items()
    }


def cached(loaded: LoadedModel, keys: int, values: int) -> Recipe:
    """Keys and values of so many bits, a scale for each head and token, and weights as they are."""
    return Recipe((Rule("*"),), loaded.name, cache=cache_scheme(keys, values))


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def text_named(name: str) -> EvalText:
    """What the page reads by default, or all of a shipped text."""
    return default_text() if name == "quick" else shipped_text(name)


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--model", type=Path, help="a folder with another model, instead of the embedded one")
    parser.add_argument("--methods", default=",".join([*METHODS, *TRANSFORMS]), help="names, with commas")
    parser.add_argument("--bits", default=",".join(map(str, RECORDED_BITS)), help="numbers from 2 to 8, with commas")
    parser.add_argument("--text", default="quick", help="quick (what the page reads), enciclopedia or literatura")
    parser.add_argument("--record", action="store_true", help=f"write {FILE.name}, which the page shows")
    parser.add_argument("--readme", action="store_true", help=f"write the table of {FILE.name} into the README")
    parser.add_argument("--only-table", action="store_true", help="neither the cache nor the times on the 124M shape")
    args = parser.parse_args()
    if args.readme:
        methods_table.write_readme()
        return
    lab = Lab(args.model)
    table = Table(args.json, lab, lab.names()[0], text_named(args.text))
    table.measure(args.methods.split(","), [int(bits) for bits in args.bits.split(",")])
    if not args.only_table:
        table.also("cache", lambda: cache_rows(lab, table.model, table.text))
    table.write()
    if args.record:  # before the timing, which takes long and which the page does not show
        FILE.write_text(table.recorded(), encoding="utf8")
    if not args.only_table:
        timing(table)


def timing(table: Table) -> None:
    """Times on the shape of GPT-2 124M, once."""
    if "seconds_124m" not in table.rest:
        table.rest |= methods_speed(say)
        table.write()


if __name__ == "__main__":
    torch.manual_seed(0)
    main()
