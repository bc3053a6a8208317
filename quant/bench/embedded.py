"""Quality and size of the embedded model: `python -m quant.bench.embedded --json FILE`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from quant.bench.report import arguments, write
from quant.evaluation.quality import evaluate
from quant.loading import load_model
from quant.model.load import EMBEDDED_FOLDER
from quant.texts import TITLES

PROTOCOL = (
    "Each document tokenized alone after one BOS; windows of the model's context, stride = context; every token but "
    "the BOS scored once, with what precedes it in its window; float32; bits = nats / ln 2, bytes = UTF-8 bytes of the "
    "documents without the blank lines between them."
)


def measure(folder: str | Path) -> dict[str, Any]:
    """Bits-per-byte on each evaluation text, parameters, bytes of the weights file."""
    loaded = load_model(folder)
    scores = {}
    for name in TITLES:
        quality = evaluate(loaded, name)
        scores[name] = {"bits_per_byte": round(quality.bits_per_byte, 4), "perplexity": round(quality.perplexity, 3),
                        "protocol": asdict(quality.protocol)}  # fmt: skip
    weights = Path(folder) / "model.safetensors"
    return {"protocol": PROTOCOL, "bits_per_byte": {n: s["bits_per_byte"] for n, s in scores.items()},
            "parameters": loaded.parameters, "context": loaded.context, "bytes": weights.stat().st_size,
            "texts": scores}  # fmt: skip


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--model", type=Path, default=EMBEDDED_FOLDER, help="another folder to measure the same way")
    args = parser.parse_args()
    write(measure(args.model), args.json)


if __name__ == "__main__":
    main()
