"""What Números says and does not move: range against precision, the figures of all formats, what notes get wrong."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from markupsafe import Markup

from quant.evaluation.numbers import format_range
from quant.formats import FORMATS
from quant.plots.ranges import ranges_svg
from quant.text import Language, Text, fixed, number
from quant.ui.shared import glossary, html
from quant.ui.shared.templates import macros
from quant.ui.tabs.numbers import texts as t

PANELS = "tabs/numbers/numbers.html.j2"
# Tables of other widths say nothing new, and a list of thirty formats is long enough.
HIDDEN = (*(f"{sign}int{bits}" for sign in ("", "u") for bits in (3, 5, 6, 7)), "iq4", "dynamic8")
NAMES = {
    "float32": "FP32", "tf32": "TF32", "float16": "FP16", "bfloat16": "BF16", "float8_e4m3fn": "E4M3",
    "float8_e5m2": "E5M2", "float8_e3m4": "E3M4", "float6_e2m3fn": "E2M3", "float6_e3m2fn": "E3M2",
    "float4_e2m1fn": "E2M1", "float8_e8m0fnu": "E8M0", "int8": "INT8", "int4": "INT4",
}  # fmt: skip
MANY = 10**8  # values; above, a power of ten tells more than the digits


def both(write: Callable[[Language], str]) -> Text:
    return Text(write("es"), write("en"))


def facts() -> dict[str, object]:
    """Figures that the sentences quote, from the registry."""
    p = {name: element.properties for name, element in FORMATS.items()}
    fp16, bf16 = p["float16"], p["bfloat16"]
    assert fp16.smallest_subnormal is not None
    e4m3 = FORMATS["float8_e4m3fn"].values
    int8 = FORMATS["int8"].values
    assert e4m3 is not None
    assert int8 is not None

    def few(value: float | None, digits: int = 3) -> Text:
        assert value is not None
        return both(lambda lang: number(value, lang, digits))

    return {
        "bf16_p": bf16.significant_bits, "bf16_max": few(bf16.largest, 2), "bf16_eps": few(bf16.epsilon),
        "fp16_p": fp16.significant_bits, "fp16_max": both(lambda lang: fixed(fp16.largest, lang, 0)),
        "fp16_eps": few(fp16.epsilon), "fp16_normal": few(fp16.smallest_normal),
        "fp16_half": few(fp16.smallest_subnormal / 2),
        "fp4_values": p["float4_e2m1fn"].distinct_values, "int8_values": p["int8"].distinct_values,
        "int8_levels": int((int8.abs() <= p["int8"].largest).sum()),
        "e5m2_max": both(lambda lang: fixed(p["float8_e5m2"].largest, lang, 0)),
        "e4m3_max": int(p["float8_e4m3fn"].largest),
        "e4m3_nan": int(e4m3.isnan().sum()), "torch": torch.__version__.partition("+")[0],
        "e4m3_torch": in_torch(1000.0, torch.float8_e4m3fn),
    }  # fmt: skip


def in_torch(value: float, dtype: torch.dtype) -> str:
    """What this torch casts a number to: beyond the range its versions differ."""
    cast = float(torch.tensor(value).to(dtype))
    return "NaN" if math.isnan(cast) else f"{cast:g}"


@dataclass(frozen=True)
class Question:
    """What is asked, in plain letters too (name), its answers, which is right, what is often read, and what is so."""

    question: Markup
    name: str
    answers: tuple[str, ...]
    right: int
    claim: Markup
    truth: str


def wrong(language: Language) -> Markup:
    """What many course notes get wrong, each as a question that opens once it is answered."""
    known = facts()

    def said(text: Text) -> str:
        return text.format(**known)[language]

    def marked(text: Text) -> Markup:
        return glossary.marked(said(text), language)

    questions = [
        Question(marked(question), glossary.plain(said(question)), tuple(said(a) for a in answers), right,
                 marked(t.NUMBERS_WRONG_SAID.format(claim=claim.format(**known))), said(truth))
        for question, answers, right, claim, truth in t.NUMBERS_WRONG
    ]  # fmt: skip
    words = [t.NUMBERS_QUIZ[key][language] for key in ("right", "wrong", "show")]
    first, more = questions[: t.NUMBERS_WRONG_SHOWN], questions[t.NUMBERS_WRONG_SHOWN :]
    return macros(PANELS).quiz(first, more, t.NUMBERS_WRONG_MORE[language], words, t.NUMBERS_QUIZ["score"][language])


def properties_table(language: Language) -> str:
    def write(value: float | None) -> str:
        return "–" if value is None else number(value, language, 4)

    rows = []
    for name, element in FORMATS.items():
        p = element.properties
        if name in HIDDEN:
            continue
        many = p.distinct_values >= MANY
        count = number(p.distinct_values, language, 4) if many else fixed(p.distinct_values, language, 0)
        title = html.cell(name, NAMES[name]) if name in NAMES else name
        rows.append([
            title, str(element.code_bits), str(p.significant_bits or "–"), write(p.largest), write(p.smallest_normal),
            write(p.smallest_positive), write(p.epsilon), count,
        ])  # fmt: skip
    return html.table([h[language] for h in t.NUMBERS_PROPERTIES_HEAD], rows)


def ranges(language: Language) -> str:
    """The chart of range against precision, its caption, and which of the three to use."""
    caption = html.caption(t.NUMBERS_RANGES_CAPTION.format(**facts())[language])
    chart = Markup(ranges_svg([format_range(name) for name in NAMES], NAMES, language))
    which = glossary.marked(t.NUMBERS_WHICH[language], language)
    return macros(PANELS).ranges(chart, caption, which, t.NUMBERS_WHICH_MORE[language])
