"""The six steps of the tour: a question, its answers, which is right and why, all computed from what is recorded.

No figure is written here: other weights, recorded anew, bring other answers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, expm1
from urllib.parse import parse_qs

from quant.evaluation.verdict import Verdict
from quant.formats import FORMATS, NumberFormat
from quant.recorded import Recorded, Row
from quant.text import NO_BREAK, Language, Text, fixed, number, size
from quant.ui.shared.html import percent_sign
from quant.ui.tour import texts as t

ASKED_BITS = (6, 5, 4, 3)
SHOWN_CHARACTERS = 45
BUDGET_BYTES = 4_000_000


@dataclass(frozen=True)
class Step:
    """One question. tab: where it is asked; right: the index of the right option; look: what to try there once it is
    answered; before, after: the recipes that the page shows meanwhile, as addresses; empty, the visitor's stays.
    """

    tab: str
    question: str
    options: tuple[str, ...]
    right: int
    why: str
    look: str
    before: str = ""
    after: str = ""


def rise(row: Row, language: Language) -> str:
    """By how much a recipe raises perplexity, in percent."""
    percent = 100 * expm1(row.log_ratio.value)
    return fixed(percent, language, 0 if percent >= 1 else 1) + percent_sign(language)


def factor(row: Row) -> float:
    """By how much a recipe multiplies perplexity."""
    return exp(row.log_ratio.value)


def broken(found: Recorded) -> Row:
    """The recipe of most bits that the verdict calls broken."""
    return max((r for r in found.by_bits.values() if r.judged is Verdict.BROKEN), key=lambda r: r.bits)


def four_bits(found: Recorded, *, granularity: str = "group", table: bool = False) -> Row:
    """One of the three recipes of 4 bits."""
    return next(r for r in found.rows if (r.bits, r.granularity, r.table) == (4, granularity, table))


def bits_step(found: Recorded, language: Language) -> Step:
    row = broken(found)
    why = t.BITS_WHY.format(
        above=row.bits + 1, bits=row.bits, prompt=found.prompt, said=_begun(row.text), factor=_short(factor(row))
    )
    options = tuple(t.BITS_OPTION.format(bits=bits)[language] for bits in ASKED_BITS)
    return Step(
        "inicio", t.BITS_QUESTION[language], options, ASKED_BITS.index(row.bits), why[language], t.BITS_LOOK[language],
        found.by_bits[8].address, row.address,
    )  # fmt: skip


def floats_step(_: Recorded, language: Language) -> Step:
    half, brain = FORMATS["float16"], FORMATS["bfloat16"]
    lost = [name for name, is_less in (
        ("precision", _mantissa(brain) < _mantissa(half)), ("range", brain.highest < half.highest),
    ) if is_less] or ["nothing"]  # fmt: skip
    why = t.FLOATS_WHY.format(
        exponent=_exponent(brain), mantissa=_mantissa(brain), exponent_fp16=_exponent(half),
        mantissa_fp16=_mantissa(half), values=2 ** _mantissa(brain), values_fp16=2 ** _mantissa(half),
        largest=Text(number(brain.highest, "es", 2), number(brain.highest, "en", 2)), largest_fp16=_short(half.highest),
    )  # fmt: skip
    options = tuple(text[language] for text in t.FLOATS_OPTIONS.values())
    right = list(t.FLOATS_OPTIONS).index(lost[0])
    return Step("numeros", t.FLOATS_QUESTION[language], options, right, why[language], t.FLOATS_LOOK[language])


def scales_step(found: Recorded, language: Language) -> Step:
    coarse, fine = four_bits(found, granularity="tensor"), four_bits(found)
    times = round(coarse.layer_error / fine.layer_error)
    shown = sorted({2, times, 10 * times})
    options = [t.SCALES_OPTION.format(times=n)[language] for n in shown]
    why = t.SCALES_WHY.format(
        coarse=_percent(coarse.layer_error), fine=_percent(fine.layer_error), times=times,
        extra=_short(fine.bits_per_weight - coarse.bits_per_weight),
    )  # fmt: skip
    return Step(
        "pesos", t.SCALES_QUESTION[language], (t.SCALES_SAME[language], *options), 1 + shown.index(times),
        why[language], t.SCALES_LOOK[language], coarse.address, fine.address,
    )  # fmt: skip


def same_step(found: Recorded, language: Language) -> Step:
    rows, total = found.by_bits, len(found.original_text)
    same = rows[8].same_characters
    kind = "all" if rows[8].text == found.original_text else "some" if rows[8].same_tokens else "none"
    why = t.SAME_WHY.format(
        total=total, same=same, same_five=rows[5].same_characters, same_four=rows[4].same_characters,
        same_two=rows[2].same_characters,
    )  # fmt: skip
    options = tuple(text[language] for text in t.SAME_OPTIONS.values())
    question = t.SAME_QUESTION.format(prompt=found.prompt)[language]
    right = list(t.SAME_OPTIONS).index(kind)
    return Step("texto", question, options, right, why[language], t.SAME_LOOK[language], rows[8].address)


def factor_step(found: Recorded, language: Language) -> Step:
    coarse, fine, three = four_bits(found, granularity="tensor"), four_bits(found), found.by_bits[3]
    shown = sorted({round(factor(fine), 1), 2.0, float(f"{factor(coarse):.2g}"), float(f"{10 * factor(coarse):.1g}")})
    why = t.FACTOR_WHY.format(
        original=_short(found.perplexity_original.value), coarse=_short(coarse.perplexity.value),
        fine=_short(fine.perplexity.value), rise=rise(fine, language), bytes_coarse=_size(coarse),
        bytes_fine=_size(fine), three=_short(three.perplexity.value),
    )  # fmt: skip
    options = tuple(t.FACTOR_OPTION.format(factor=_short(n))[language] for n in shown)
    right = shown.index(float(f"{factor(coarse):.2g}"))
    return Step(
        "metrica", t.FACTOR_QUESTION[language], options, right, why[language], t.FACTOR_LOOK[language], fine.address,
        coarse.address,
    )  # fmt: skip


def budget_step(found: Recorded, language: Language) -> Step:
    rows = (found.by_bits[8], four_bits(found, granularity="tensor"), found.by_bits[2], four_bits(found, table=True))
    best = min((row for row in rows if row.stored_bytes <= BUDGET_BYTES), key=lambda row: row.log_ratio.value)
    why = t.BUDGET_WHY.format(
        size=_size(best), small=_size(found.by_bits[2]), rise=rise(best, language),
        rise_without=rise(four_bits(found), language), table=_bytes(found.table_bytes),
    )  # fmt: skip
    question = t.BUDGET_QUESTION.format(budget=f"{BUDGET_BYTES // 10**6}{NO_BREAK}MB")[language]
    return Step(
        "metrica", question, tuple(_named(row)[language] for row in rows), rows.index(best), why[language],
        t.BUDGET_LOOK[language], four_bits(found).address, best.address,
    )  # fmt: skip


STEPS: tuple[Callable[[Recorded, Language], Step], ...] = (
    bits_step, floats_step, scales_step, same_step, factor_step, budget_step,
)  # fmt: skip


def steps(found: Recorded, language: Language) -> Sequence[Step]:
    """The tour, in its order."""
    return [step(found, language) for step in STEPS]


def kept(found: Recorded, language: Language) -> list[str]:
    """What a visitor takes away, in three sentences."""
    worst, coarse, fine = broken(found), four_bits(found, granularity="tensor"), four_bits(found)
    with_table = four_bits(found, table=True)
    figures: tuple[dict[str, object], ...] = (
        {"rise": rise(found.by_bits[8], language), "bits": worst.bits, "factor": _short(factor(worst))},
        {"coarse": _short(coarse.perplexity.value), "fine": _short(fine.perplexity.value)},
        {"without": _size(fine), "size": _size(with_table)},
    )
    return [text.format(**given)[language] for text, given in zip(t.KEPT, figures, strict=True)]


def _named(row: Row) -> Text:
    granularity = t.BUDGET_GRANULARITIES[row.granularity].format(group=parse_qs(row.address)["group"][0])
    recipe = t.BUDGET_OPTION.format(bits=row.bits, granularity=granularity)
    return t.BUDGET_TABLE.format(recipe=recipe) if row.table else recipe


def _begun(text: str) -> str:
    """The beginning of what was written, to the end of a word."""
    text = " ".join(text.split())
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS].rpartition(" ")[0] + "…"


def _percent(share: float) -> Text:
    """A share in per cent, as each language writes it."""
    return Text(*(number(100 * share, la, 2) + percent_sign(la) for la in ("es", "en")))  # type: ignore[arg-type]


def _short(value: float) -> Text:
    """Two or three significant digits, as each language writes them."""
    if value == round(value):
        return Text(fixed(value, "es", 0), fixed(value, "en", 0))
    digits = 3 if value >= 20 else 2
    return Text(number(value, "es", digits), number(value, "en", digits))


def _bytes(n_bytes: int) -> Text:
    return Text(size(n_bytes, "es"), size(n_bytes, "en"))


def _size(row: Row) -> Text:
    return _bytes(row.stored_bytes)


def _mantissa(one: NumberFormat) -> int:
    assert one.layout is not None
    return one.layout.mantissa_bits


def _exponent(one: NumberFormat) -> int:
    assert one.layout is not None
    return one.layout.exponent_bits
