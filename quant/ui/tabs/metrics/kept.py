"""One complete measurement as the browser keeps it: what history, picture and files need of it, as JSON.

What comes back from a browser is anybody's: it is read like any other input, and what does not fit is left out.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl

from pydantic import Field

from quant.errors import SchemeError
from quant.evaluation.bandwidth import Placed
from quant.evaluation.bootstrap import Interval
from quant.evaluation.compare import Comparison
from quant.evaluation.figures import Estimate, Figures, figures
from quant.evaluation.quality import Protocol
from quant.evaluation.speed import Speed
from quant.evaluation.verdict import Judgement, judge
from quant.json_model import JsonModel, parsed
from quant.model.load import EMBEDDED
from quant.size import SizeReport
from quant.text import Text
from quant.texts import SHOWN, TITLES, EvalText, beginning, own_title
from quant.ui.shared import texts as shared_texts
from quant.ui.sidebar.choice import Choice, read_query
from quant.ui.tabs.metrics import texts as t

MOST = 40  # measurements; the oldest are dropped first
OWN = "own"
ESTIMATES = tuple(name for name, kind in Figures.__annotations__.items() if kind == "Estimate")
# Between which a figure can lie. Of what is in nats only so much is known: an interval may reach below 0.
SLACK, MOST_NATS = 1e-9, 1e6
LIMITS = {
    "same_top": (0.0, 1.0), "probability_rms": (0.0, 1.0), "perplexity_original": (SLACK, math.inf),
    "perplexity_quantized": (SLACK, math.inf),
}  # fmt: skip
Finite = Annotated[float, Field(allow_inf_nan=False)] | None  # None: not a number, or beyond all
Count = Annotated[int, Field(ge=0, lt=2**53)]
Rates = Annotated[list[Annotated[float, Field(gt=0, lt=1e12)]], Field(min_length=1, max_length=50)]


class Timed(JsonModel):
    """Bytes of weights that one token reads, and the tokens/s of each round."""

    token_bytes: Annotated[int, Field(gt=0, lt=2**53)]
    rounds: Rates
    prompt_rounds: Rates

    def placed(self, label: Text, name: Text) -> Placed:
        return Placed(label, name, self.token_bytes, Speed(tuple(self.rounds), tuple(self.prompt_rounds)))


class Scored(JsonModel):
    """What was scored, and how: the `Protocol` of the figures."""

    context: Count
    stride: Count
    bos: bool
    documents: Count
    windows: Count
    tokens: Count
    n_bytes: Count
    arithmetic: Annotated[str, Field(max_length=40)]
    bos_in_windows: bool


class Entry(JsonModel):
    """A measurement. address: its recipe; digest: of the very text; start: how an own one begins.

    estimates: [value, low, high] by the names of `Figures`; written: original and quantized, None until timed.
    """

    address: Annotated[str, Field(max_length=800)]
    text: Literal["enciclopedia", "literatura", "own"]
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    start: Annotated[str, Field(max_length=SHOWN)]
    estimates: dict[str, Annotated[list[Finite], Field(min_length=3, max_length=3)]]
    kl_max: Finite
    protocol: Scored
    float_bytes: Count
    stored_bytes: Annotated[int, Field(gt=0, lt=2**53)]
    bits_quantized: Annotated[float, Field(gt=0, lt=1e3)]
    bits_whole: Annotated[float, Field(gt=0, lt=1e3)]
    written: Annotated[list[Timed], Field(min_length=2, max_length=2)] | None

    @property
    def choice(self) -> Choice:
        return choice_of(self.address)

    @property
    def recipe(self) -> Text:
        return self.choice.short()

    @property
    def key(self) -> tuple[str, str]:
        """What it can be compared with: the model and the very text."""
        return self.choice.model, self.digest

    @property
    def title(self) -> Text:
        return own_title(self.start) if self.text == OWN else TITLES[self.text]

    @property
    def judgement(self) -> Judgement:
        log_ratio = self.figure("log_ratio")
        return judge(log_ratio.value, log_ratio.interval, self.figure("kl_mean").value, self.figure("same_top").value)

    @property
    def placed(self) -> tuple[Placed, Placed] | None:
        """Original and quantized model as points of speed against bytes."""
        if self.written is None:
            return None
        original, quantized = self.written
        choice = self.choice
        return (
            original.placed(shared_texts.ORIGINAL, t.HISTORY_BASE),
            quantized.placed(choice.label(), choice.short()),
        )

    def figure(self, name: str) -> Estimate:
        value, low, high = self.estimates[name]
        ends = None if low is None or high is None else Interval(low, high)
        return Estimate(math.inf if value is None else value, ends)


@lru_cache(maxsize=512)
def choice_of(address: str) -> Choice:
    """The choice that an address means, without a word on what of it cannot be."""
    return read_query(dict(parse_qsl(address)), Choice(EMBEDDED))[0]


def entry(choice: Choice, text: EvalText, f: Figures, report: SizeReport) -> Entry:
    """What is kept of a measurement."""
    protocol = {name: value for name, value in vars(f.protocol).items() if name != "text"}
    return Entry(
        address=choice.query(), text=text.name if text.name in TITLES else OWN, digest=digest(text),  # type: ignore[arg-type]
        start=beginning(text.documents[0]) if text.name not in TITLES else "", protocol=Scored(**protocol),
        estimates={name: _three(getattr(f, name)) for name in ESTIMATES}, kl_max=_finite(f.kl_max),
        float_bytes=report.float_bytes, stored_bytes=report.stored_bytes,
        bits_quantized=report.quantized_bits_per_weight, bits_whole=report.bits_per_weight, written=None,
    )  # fmt: skip


def figures_of(compared: Comparison, choice: Choice) -> Figures:
    """The figures with the arithmetic of both models in their protocol, where it differs."""
    f = figures(compared)
    if not choice.rounds_activations:
        return f
    return replace(f, protocol=replace(f.protocol, arithmetic=f"{f.protocol.arithmetic} / {choice.arithmetic}"))


def timed(kept: Entry, written: Sequence[Placed]) -> Entry:
    """The same with both models timed."""
    both = [
        Timed(token_bytes=p.token_bytes, rounds=list(p.speed.rounds), prompt_rounds=list(p.speed.prompt_rounds))
        for p in written
    ]
    return kept.model_copy(update={"written": both})


def added(history: Sequence[Entry], new: Entry) -> list[Entry]:
    """The history with a new entry, in place of an older one of the same recipe and text, whose times it keeps."""
    older = [e for e in history if (e.key, e.address) == (new.key, new.address)]
    kept = new.model_copy(update={"written": older[-1].written}) if older else new
    return [*(e for e in history if e not in older), kept][-MOST:]


def as_kept(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    return [e.model_dump() for e in entries]


def restored(value: object) -> tuple[list[Entry], int]:
    """The entries among what a browser has kept, and how much of it was none."""
    if not isinstance(value, list):
        return [], 0 if value is None else 1
    found = [e for one in value[-MOST:] if (e := _read(one))]
    return found, len(value) - len(found)


def _read(value: object) -> Entry | None:
    """One entry. None where a field is missing, too many or not what it can be, or its recipe is none."""
    try:
        read = parsed(Entry, value, "history")
    except SchemeError:
        return None
    whole = set(read.estimates) == set(ESTIMATES) and all(c.isprintable() for c in read.start)
    try:
        pairs = dict(parse_qsl(read.address, strict_parsing=True, max_num_fields=40))
    except ValueError:
        return None
    means = whole and all(_can_be(name, three) for name, three in read.estimates.items())
    return read if means and not read_query(pairs, Choice(EMBEDDED))[1] else None


def _can_be(name: str, three: Sequence[float | None]) -> bool:
    """Whether value, low and high are of that estimate: within its limits, the value in its interval.

    What a broken model gives is no number; which token it holds most likely is counted all the same.
    """
    value, low, high = three
    least, most = LIMITS.get(name, (-MOST_NATS, MOST_NATS))
    known = [v for v in (low, value, high) if v is not None]
    in_order = all(a <= b + SLACK * max(1.0, abs(b)) for a, b in pairwise(known))
    return in_order and all(least <= v <= most for v in known) and (name != "same_top" or value is not None)


def digest(text: EvalText) -> str:
    """What tells one text from another, and a part from the whole."""
    return hashlib.sha256("\0".join(text.documents).encode()).hexdigest()[:16]


def _three(estimate: Estimate) -> list[float | None]:
    ends = (estimate.interval.low, estimate.interval.high) if estimate.interval else (None, None)
    return [_finite(estimate.value), *(None if end is None else _finite(end) for end in ends)]


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def protocol_of(kept: Entry) -> Protocol:
    return Protocol(text=kept.text, **kept.protocol.model_dump())
