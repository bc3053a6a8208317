"""Part three: FP32, FP16 and BF16, and what each keeps of the live model."""

from __future__ import annotations

from quant.report import prose_texts as t
from quant.report.casts import FLOATS, Cast
from quant.report.charts import Fields, fields
from quant.report.document import Block, Chapter, Picture, Prose, Table
from quant.report.fact import Ref, Worth
from quant.report.gathered import Report
from quant.report.naming import SHORT
from quant.report.phrase import Name, Part, Sentence, plain
from quant.report.sentences import formats_said
from quant.text import Text

LAYOUT = ("bits", "largest", "smallest", "epsilon", "model_bytes")
KEPT = ("zero", "subnormal", "beyond", "db")
EXAMPLES = ("largest.kept", "largest.error", "median.kept", "median.error")


def numbers_part(report: Report) -> Chapter:
    sign: dict[str, Part] = {"sign": Worth.COMPUTED}
    rows = [_bits(cast) for cast in report.casts.casts]
    blocks: list[Block] = [
        Prose((Sentence(t.FLOAT_IS),)),
        Picture("formats", fields(t.FIELDS, t.FIELD_NAMES, rows), Sentence(t.FIELDS_CAPTION)),
        _table(Sentence(t.LAYOUT, sign), t.LAYOUT_HEAD, LAYOUT),
        _table(Sentence(t.KEPT, {"total": Ref("weights.total"), **sign}), t.KEPT_HEAD, KEPT),
        _table(Sentence(t.EXAMPLES, sign), t.EXAMPLES_HEAD, EXAMPLES),
        Prose(tuple(formats_said(report.casts))),
    ]  # fmt: skip
    return Chapter("numbers", t.NUMBERS, tuple(blocks))


def _bits(cast: Cast) -> Fields:
    short, layout = SHORT[cast.format.name], cast.format.layout
    assert layout is not None, "a float has a layout"
    said = (Ref(f"{short}.sign"), Ref(f"{short}.exponent"), Ref(f"{short}.mantissa"))
    return Fields(Name.of(short), (int(layout.signed), layout.exponent_bits, layout.mantissa_bits), said)


def _table(caption: Sentence, head: tuple[Text, ...], columns: tuple[str, ...]) -> Table:
    """A row for each format, a column for each of its numbers."""
    shorts = [SHORT[name] for name in FLOATS]
    rows = [(plain(Name.of(s)), *(plain(Ref(f"{s}.{column}")) for column in columns)) for s in shorts]
    return Table(caption, tuple(plain(cell) for cell in head), tuple(rows))
