"""Two choices that weigh more than bits, side by side: one scale or many, the token table or not. As recorded."""

from __future__ import annotations

from markupsafe import Markup

from quant.recorded import Figure, Recorded, Row
from quant.text import Language, number, size
from quant.ui.shared import html
from quant.ui.shared.templates import macros
from quant.ui.tabs.metrics import picture_texts as t
from quant.ui.tabs.metrics.brief import METRICS, estimate, known
from quant.ui.tabs.metrics.moved import change, ratio_of

BITS = 4
Side = tuple[str, str, str, str, str]  # style, name, the large figure, what stands under it, address


def lessons_html(language: Language) -> Markup:
    """Both; nothing where what ships recorded is of other weights."""
    found = known()
    if found is None:
        return html.NOTHING
    said = html.legend(("recorded",), language) + html.caption(t.LESSONS_SAID[language])
    return macros(METRICS).lessons([_scale(found, language), _table(found, language)], t.TRY[language]) + said


def _rows(found: Recorded) -> tuple[Row, Row, Row]:
    """Of BITS bits: one scale per matrix, groups, groups and the token table."""
    tensor = next(r for r in found.rows if r.bits == BITS and r.granularity == "tensor")
    return tensor, found.by_bits[BITS], next(r for r in found.rows if r.bits == BITS and r.table)


def _moved(log_ratio: Figure, language: Language) -> str:
    return change(1.0, ratio_of(estimate(log_ratio)).value, language)


def _percent(share: float, language: Language) -> str:
    return number(100 * share, language, 2) + html.percent_sign(language)


def _scale(found: Recorded, language: Language) -> tuple[str, list[Side], str]:
    tensor, group, _ = _rows(found)
    before = number(found.perplexity_original.value, language, 3)

    def side(name: str, row: Row) -> Side:
        after = number(row.perplexity.value, language, 3)
        below = t.LESSON_PERPLEXITY.format(before=before, after=after, size=size(row.stored_bytes, language))[language]
        return row.judged.name.lower(), name, _moved(row.log_ratio, language), below, row.address

    sides = [side(t.LESSON_TENSOR[language], tensor), side(t.LESSON_GROUP[language], group)]
    extra = _percent(group.stored_bytes / tensor.stored_bytes - 1, language)
    return t.LESSON_SCALE[language], sides, t.LESSON_SCALE_SAID.format(extra=extra)[language]


def _table(found: Recorded, language: Language) -> tuple[str, list[Side], str]:
    _, without, whole = _rows(found)

    def side(name: str, row: Row) -> Side:
        times = t.LESSON_TIMES.format(times=number(found.float_bytes / row.stored_bytes, language, 3))[language]
        moved, taken = _moved(row.log_ratio, language), size(row.stored_bytes, language)
        below = t.LESSON_LOSES.format(change=moved, size=taken)[language]
        return row.judged.name.lower(), name, times, below, row.address

    sides = [side(t.LESSON_WITHOUT[language], without), side(t.LESSON_WITH[language], whole)]
    share = _percent(found.table_bytes / without.stored_bytes, language)
    return t.LESSON_TABLE[language], sides, t.LESSON_TABLE_SAID.format(share=share)[language]
