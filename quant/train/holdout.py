"""Set entire documents aside, once, before any training: the calibration text and the training sample.

Calibration text (for methods that look at activations) is never trained on; the training sample (for
quantization-aware training) is. Both are drawn document by document with a fixed seed, a quota of bytes per
source, and rejected when they share a 13-gram with an evaluation text.

    python -m quant.train.holdout CORPUS_FOLDER quant/assets/texts
"""

from __future__ import annotations

import argparse
import random
import re
from collections.abc import Iterable
from pathlib import Path

SEED = 20261123
NGRAM = 13
# Source file -> bytes wanted in each of the two texts: encyclopedia, textbooks, narrative and everyday sentences.
QUOTA_BYTES = {
    "wikipedia_resumenes": 110_000,
    "openstax_fisica": 20_000,
    "openstax_quimica": 20_000,
    "openstax_estadistica": 20_000,
    "literatura_seleccion": 90_000,
    "cuentos_literarios": 25_000,
    "tatoeba_frases": 15_000,
}
LONGEST_DOCUMENT_BYTES = 25_000


def read_documents(path: Path) -> list[str]:
    """Documents of a corpus file: paragraphs one a line, documents separated by a blank line."""
    return [d.strip() for d in path.read_text(encoding="utf8").split("\n\n") if d.strip()]


def ngrams(document: str, n: int = NGRAM) -> set[str]:
    """Every run of `n` words, lower case, punctuation dropped."""
    words = re.findall(r"\w+", document.lower())
    return {" ".join(words[i : i + n]) for i in range(len(words) - n + 1)}


def draw(documents: list[str], quota_bytes: int, forbidden: set[str], rng: random.Random) -> list[str]:
    """Whole documents in random order until `quota_bytes` is reached, none sharing an n-gram with `forbidden`."""
    chosen, total = [], 0
    for document in rng.sample(documents, len(documents)):
        size = len(document.encode())
        if size > min(LONGEST_DOCUMENT_BYTES, quota_bytes - total + 2_000) or ngrams(document) & forbidden:
            continue
        chosen.append(document)
        total += size
        if total >= quota_bytes:
            break
    return chosen


def set_aside(corpus: Path) -> tuple[list[str], list[str]]:
    """(calibration, training sample): two disjoint lists of documents from `corpus`/train."""
    forbidden = set().union(*(ngrams(d) for f in sorted((corpus / "eval").glob("*.txt")) for d in read_documents(f)))
    rng = random.Random(SEED)
    calibration: list[str] = []
    sample: list[str] = []
    for source, quota in QUOTA_BYTES.items():
        documents = read_documents(corpus / "train" / f"{source}.txt")
        held = draw(documents, quota, forbidden, rng)
        calibration += held
        sample += draw([d for d in documents if d not in set(held)], quota, forbidden, rng)
    return calibration, sample


def write(path: Path, documents: Iterable[str]) -> None:
    path.write_text("\n\n".join(documents) + "\n", encoding="utf8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    calibration, sample = set_aside(args.corpus)
    write(args.out / "calibration.txt", calibration)
    write(args.out / "training_sample.txt", sample)
    for name in ("enciclopedia", "literatura"):
        write(args.out / f"{name}.txt", read_documents(args.corpus / "eval" / f"{name}.txt"))


if __name__ == "__main__":
    main()
