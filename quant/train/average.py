"""The average of two trained models of one family, which is better than either where one saw more of each kind of text.

    python -m quant.train.average FIRST SECOND FOLDER

w = (1 - share) w_first + share w_second, for two runs that left the same constant learning rate at different times
(Wortsman et al. 2022, "Model soups", arXiv:2203.05482). The share, in tenths, is the one with the fewest bits per byte
on the calibration text, which neither training nor evaluation has seen. Writes float16 weights and FIRST's tokenizer.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

import torch
from transformers import GPT2LMHeadModel

from quant.evaluation.quality import evaluate
from quant.loading import load_model
from quant.text import Text
from quant.texts import FOLDER, EvalText

SHARES = tuple(i / 10 for i in range(11))


def write_average(first: Path, second: Path, share: float, folder: Path) -> None:
    """Write the average to `folder`. Raises ValueError where the two do not have the same tokens and tensors."""
    models = [
        GPT2LMHeadModel.from_pretrained(path, dtype=torch.float32, local_files_only=True) for path in (first, second)
    ]
    a, b = (model.state_dict() for model in models)
    tokens = [(path / "tokenizer.json").read_bytes() for path in (first, second)]
    if tokens[0] != tokens[1] or a.keys() != b.keys() or any(a[name].shape != b[name].shape for name in a):
        raise ValueError("two models of one shape and one vocabulary are needed")
    models[0].load_state_dict({name: torch.lerp(a[name], b[name], share) for name in a})
    shutil.copytree(first, folder, dirs_exist_ok=True)
    models[0].half().save_pretrained(folder)


def calibration() -> EvalText:
    """The text by which the share is chosen."""
    content = (FOLDER / "calibration.txt").read_text(encoding="utf8")
    documents = tuple(d.strip() for d in content.split("\n\n") if d.strip())
    return EvalText("calibration", Text("calibración", "calibration"), documents)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("first", "second", "folder"):
        parser.add_argument(name, type=Path)
    args = parser.parse_args()
    text, found = calibration(), {}
    for share in SHARES:
        write_average(args.first, args.second, share, args.folder)
        found[share] = evaluate(load_model(args.folder), text).bits_per_byte
    best = min(found, key=found.__getitem__)
    write_average(args.first, args.second, best, args.folder)
    print(json.dumps({"share": best, "calibration_bits_per_byte": {s: round(v, 4) for s, v in found.items()}}))


if __name__ == "__main__":
    main()
