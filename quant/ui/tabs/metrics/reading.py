"""How much there is to read before one presses the button: in words and seconds, and what an own text still lacks."""

from __future__ import annotations

from markupsafe import Markup

from quant.errors import QuantError
from quant.lab import Lab
from quant.text import Language, Text, fixed
from quant.texts import EvalText, shipped_text
from quant.ui.shared import html
from quant.ui.shared.templates import macros
from quant.ui.tabs.metrics import texts as t
from quant.ui.tabs.metrics.brief import METRICS
from quant.ui.tabs.metrics.picture import QUICK_BYTES

# Bytes of text times parameters of the model that both models together read in a second, on two cores. A guess for
# other machines; who measures sees how far it is.
PACE = 5.5e10
SAMPLE = "enciclopedia"


def words_of(text: EvalText) -> int:
    return sum(len(document.split()) for document in text.documents)


def rounded(n: float) -> int:
    """To one significant digit below a hundred, else to two: “about” is not 7,131."""
    digits = 1 if n < 100 else 2
    unit = 10 ** max(0, len(str(int(n))) - digits)
    return int(round(n / unit) * unit)


def amounts(lab: Lab, language: Language, model: str, name: str) -> list[tuple[str, str]]:
    """The two amounts of a shipped text, in words and in the time that a model takes."""
    whole = shipped_text(name)
    try:
        parameters = lab.loaded(model).parameters
    except QuantError:
        parameters = 0  # the line of the recipe says what is wrong
    parts = {"quick": whole.part(QUICK_BYTES), "whole": whole}
    return [(_amount(key, text, parameters)[language], key) for key, text in parts.items()]


def _amount(key: str, text: EvalText, parameters: int) -> Text:
    words = rounded(words_of(text))
    seconds = max(1.0, text.n_bytes * parameters / PACE)
    time = (
        t.AMOUNT_SECONDS.format(n=rounded(seconds))
        if seconds < 90
        else t.AMOUNT_MINUTES.format(n=rounded(seconds / 60))
    )
    return t.METRIC_AMOUNTS[key].format(words=Text(fixed(words, "es", 0), fixed(words, "en", 0)), time=time)


def counter(lab: Lab, language: Language, model: str) -> Markup:
    """What the browser needs to say, while one pastes a text, how many words are missing: {n} is filled there."""
    try:
        loaded = lab.loaded(model)
    except QuantError:
        return html.NOTHING
    sample = shipped_text(SAMPLE).documents[0]
    tokens = len(loaded.tokenizer.encode(sample, add_special_tokens=False, verbose=False))
    missing = t.MISSING_WORDS.format(n="{n}", need=loaded.window)[language]
    enough = t.ENOUGH_WORDS[language]
    characters = len(sample)
    return macros(METRICS).counter(
        missing, enough, f"{characters / max(1, tokens):.3f}", f"{characters / len(sample.split()):.3f}",
        loaded.window + 1,
    )  # fmt: skip
