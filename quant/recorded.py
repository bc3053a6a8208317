"""What the page shows before any model is loaded: the embedded model at a few recipes, measured beforehand.

`python -m quant.bench.recorded` writes `assets/recorded.json`: sizes, what quantization costs on the page's own default
text (so that whoever measures sees the same figures), what each recipe writes after one prompt, and sixteen weights on
its grid. It is tied to the file of the weights by its SHA-256: other weights, and nothing is shown rather than figures
of another model. Nothing here needs torch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import Strict

from quant.changes import Span
from quant.errors import ModelError
from quant.evaluation.verdict import Verdict
from quant.json_model import JsonModel, parsed, read_json
from quant.text import Text

ASSETS = Path(__file__).resolve().parent / "assets"
FILE, WEIGHTS = ASSETS / "recorded.json", ASSETS / "model" / "model.safetensors"
AGAIN = "python -m quant.bench.recorded"
# What all of it answers: the page opens with it, and so does the picture under which a link to the page is shown.
QUESTION = Text(
    "¿Cuántos bits le puedes quitar a un GPT-2 antes de que diga disparates?",
    "How many bits can you take away from a GPT-2 before it talks nonsense?",
)

Numbers = Annotated[tuple[float, ...], Strict(False)]
Codes = Annotated[tuple[int, ...], Strict(False)]
Spans = Annotated[tuple[Annotated[Span, Strict(False)], ...], Strict(False)]


class Figure(JsonModel):
    """A measured figure with the ends of its 95 % interval."""

    value: float
    low: float
    high: float


class Row(JsonModel):
    """One recipe.

    address: its query string; recipe: itself as JSON. stored_bytes: of all weights, what stays in float32 included;
    bits_per_weight: of what is quantized, scales included; bits_per_weight_whole: of everything. log_ratio: log of
    perplexity over the original's, nats, paired. verdict: a name of `Verdict`. text: what it writes after the prompt;
    same_tokens, same_characters: how much of it begins as the original's does; changed: spans that do not stand there.
    layer_sqnr_db: of the layer that `Recorded` names, its signal over its error; codes, scale: sixteen of its weights
    as they are stored.
    """

    address: str
    recipe: dict[str, Any]
    bits: int
    granularity: str
    table: bool
    stored_bytes: int
    bits_per_weight: float
    bits_per_weight_whole: float
    perplexity: Figure
    log_ratio: Figure
    kl_mean: Figure
    same_top: Figure
    verdict: str
    text: str
    same_tokens: int
    same_characters: int
    changed: Spans
    layer_sqnr_db: float
    scale: float
    codes: Codes

    @property
    def judged(self) -> Verdict:
        return Verdict[self.verdict]

    @property
    def layer_error(self) -> float:
        """A typical error of that layer, as a share of a typical weight."""
        return float(10 ** (-self.layer_sqnr_db / 20))

    @property
    def levels(self) -> tuple[float, ...]:
        """What the sixteen codes stand for."""
        return tuple(code * self.scale for code in self.codes)


class Title(JsonModel):
    """A `Text` as JSON."""

    es: str
    en: str


class Recorded(JsonModel):
    """The recipes, and what they are compared with.

    versions: of what computed them; text_name, title, protocol: what was read, as in `Protocol`. float_bytes: all
    weights in float32, as a program holds them; published_bytes: the file that ships, float16. prompt, sampling: what
    was written after, and how; original_text: what the original writes. layer, weights: the first sixteen weights of
    the first row of that matrix.
    """

    model_sha256: str
    versions: dict[str, str]
    text_name: str
    title: Title
    protocol: dict[str, Any]
    perplexity_original: Figure
    parameters: int
    float_bytes: int
    published_bytes: int
    table_bytes: int
    prompt: str
    sampling: dict[str, Any]
    original_text: str
    layer: str
    weights: Numbers
    rows: Annotated[tuple[Row, ...], Strict(False)]

    @property
    def text_title(self) -> Text:
        return Text(self.title.es, self.title.en)

    @property
    def by_bits(self) -> Mapping[int, Row]:
        """The rows that differ in their bits alone: groups of 64, the token table in float32."""
        return {row.bits: row for row in self.rows if row.granularity == "group" and not row.table}


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read(path: Path, weights: Path) -> Recorded:
    """What was recorded of those weights. Raises ModelError where it was recorded of others."""
    found = parsed(Recorded, read_json(path.read_text(encoding="utf8"), path.name), path.name)
    if found.model_sha256 != sha256_of(weights):
        raise ModelError(
            Text("Lo grabado no es de los pesos del modelo incluido; vuelve a grabarlo con: {command}.",
                 "What was recorded is not of the built-in model’s weights; record it again with: {command}.")
            .format(command=AGAIN)
        )  # fmt: skip
    return found


@lru_cache(maxsize=1)
def recorded() -> Recorded:
    """What ships with the project. Raises ModelError as `read` does."""
    return read(FILE, WEIGHTS)
