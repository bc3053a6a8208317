"""What few bits for keys and values cost: K8V4 beside K4V8 at equal bytes, and, with `--record`, the table of the page.

`python -m quant.bench.cache --json FILE` measures the lesson on the embedded model, or on `--model FOLDER`, its weights
as they are. `--record` measures all of CACHE_BITS x CACHE_BITS, per token and per channel, and writes
`assets/cache.json`, tied to the weights by their SHA-256 (`quant/recorded_cache.py` reads it): some ten
minutes on two cores. The lesson is measured on the page's own default text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from quant.bench.recorded import default_text
from quant.bench.report import arguments, environment, write
from quant.cache import CACHE_BITS, CachePer, cache_scheme
from quant.evaluation.cache import cache_error, cache_text, with_cache
from quant.evaluation.compare import Reference, compare
from quant.evaluation.figures import Estimate, figures
from quant.loading import load_model
from quant.model.load import EMBEDDED, LoadedModel
from quant.recipe import Recipe
from quant.recorded import WEIGHTS, sha256_of
from quant.recorded_cache import FILE
from quant.size import cache_bytes

PAIRS = ((8, 4), (4, 8), (4, 4))
DIGITS = 4


def kl(reference: Reference, keys: int, values: int, per: str, *, zero_point: bool = False) -> Estimate:
    """Mean KL in nats of the model with its own weights and a cache of so many bits."""
    scheme = cache_scheme(keys, values, per, zero_point=zero_point)
    assert scheme, "there is something to round"
    return figures(compare(reference, with_cache(reference.loaded, scheme))).kl_mean


def cache_figures(reference: Reference) -> dict[str, Any]:
    """The lesson: keys and values apart, equal bytes, per token and per channel, with and without zero point."""
    found: dict[str, Any] = {}
    for per in CachePer:
        for keys, values in PAIRS:
            for zero_point in (False, True) if keys == values else (False,):
                name = f"k{keys}v{values}" + f"_{per.value}" * (per is not CachePer.TOKEN) + "_zero" * zero_point
                found |= _said(name, kl(reference, keys, values, per.value, zero_point=zero_point))
    return {"cache": found, "text": reference.text.name, "tokens": sum(len(w.targets) for w in reference.windows)}


def _said(name: str, estimate: Estimate) -> dict[str, float | list[float]]:
    said: dict[str, float | list[float]] = {f"{name}_kl": estimate.value}
    return said | ({f"{name}_interval": [estimate.interval.low, estimate.interval.high]} if estimate.interval else {})


def cells(reference: Reference) -> Iterator[dict[str, Any]]:
    """A row of the page's table for each pair of bits."""
    loaded = reference.loaded
    for per in CachePer:
        for keys in CACHE_BITS:
            for values in CACHE_BITS:
                scheme = cache_scheme(keys, values, per.value)
                assert scheme, "16 bits are a scheme"
                found, error = kl(reference, keys, values, per.value), cache_error(loaded, scheme, reference.text)
                assert found.interval, "the text has documents enough"
                yield {
                    "keys": keys, "values": values, "per": per.value,
                    "stored_bytes": cache_bytes(loaded, Recipe(cache=scheme), loaded.context).stored_bytes,
                    "kl": _short(found.value), "low": _short(found.interval.low), "high": _short(found.interval.high),
                    "keys_db": _short(error.keys_db), "values_db": _short(error.values_db),
                }  # fmt: skip
                print(per.value, keys, values, found.value, flush=True)


def record(loaded: LoadedModel) -> dict[str, Any]:
    """Everything, in the order of `RecordedCache`."""
    text, versions = cache_text(), environment()
    rows = list(cells(Reference(loaded, text)))
    return {
        "model_sha256": sha256_of(WEIGHTS), "versions": {"python": versions["python"], **versions["packages"]},
        "text_name": text.name, "title": asdict(text.title), "context": loaded.context, "rows": rows,
    }  # fmt: skip


def _short(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def as_json(found: dict[str, Any]) -> str:
    """Indented, each row on one line."""
    text = json.dumps(found, indent=1, ensure_ascii=False)
    return re.sub(r'\{\s*"keys"[^}]*\}', lambda row: re.sub(r"\s+", " ", row[0]), text) + "\n"


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--model", default=EMBEDDED, help="a folder, or a cached name of the Hub")
    parser.add_argument("--record", action="store_true", help="measure the table of the page and write it")
    asked = parser.parse_args()
    if asked.record:
        path: Path = asked.json or FILE
        path.write_text(as_json(record(load_model())), encoding="utf8")
    else:
        write(cache_figures(Reference(load_model(asked.model), default_text())), asked.json)


if __name__ == "__main__":
    main()
