"""What a visitor has measured in this visit: a table beside the baseline, as CSV and as JSON."""

from __future__ import annotations

import base64
import csv
import io
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from quant.evaluation.bandwidth import Placed
from quant.evaluation.figures import Estimate, Figures
from quant.evaluation.verdict import Candidate, better_perplexity_worse_kl
from quant.size import SizeReport
from quant.text import Language, Text, number, size
from quant.texts import EvalText
from quant.ui.shared import html
from quant.ui.shared.templates import macros
from quant.ui.tabs.metrics import texts as t

FLOAT_BITS = 32


@dataclass(frozen=True)
class Entry:
    """One complete measurement. `key`: what it can be compared with, the model and the very text.

    written: the original and the quantized model, timed; None where that was stopped.
    """

    key: tuple[str, EvalText]
    recipe: Text
    address: str
    title: Text
    figures: Figures
    report: SizeReport
    written: tuple[Placed, Placed] | None = None


def history_html(entries: Sequence[Entry], language: Language) -> Markup:
    """The table, one baseline for each text, and the downloads."""
    if not entries:
        return html.notice(t.HISTORY_EMPTY[language], "note")
    rows, warned = [], html.NOTHING
    for key in dict.fromkeys(e.key for e in entries):
        group = [e for e in entries if e.key == key]
        rows += [_base_row(group[0], language), *(_row(e, language) for e in group)]
        warned += html.NOTHING.join(html.notice(text[language], "note") for text in disagreements(group))
    return html.table([h[language] for h in t.HISTORY_HEAD], rows) + warned + _downloads(entries, language)


def disagreements(group: Sequence[Entry]) -> list[Text]:
    """A warning for each pair that perplexity ranks one way and KL the other."""
    tried = [Candidate(e.recipe, e.figures.log_ratio.value, e.figures.kl_mean.value) for e in group]
    found = [better_perplexity_worse_kl(a, b) for i, a in enumerate(tried) for b in tried[i + 1 :]]
    return [text for text in found if text is not None]


def _base_row(entry: Entry, language: Language) -> list[str]:
    name = html.cell(t.HISTORY_BASE[language], entry.title[language])
    stored = _stored(entry.report.float_bytes, FLOAT_BITS, language)
    return [name, stored, _cell(entry.figures.perplexity_original, language), "0", "—"]


def _row(entry: Entry, language: Language) -> list[str]:
    f, report = entry.figures, entry.report
    share = number(100 * f.same_top.value, language, 3) + html.percent_sign(language)
    agree = t.HISTORY_TOP.format(share=share)[language]
    return [
        entry.recipe[language], _stored(report.stored_bytes, report.quantized_bits_per_weight, language),
        _cell(f.perplexity_quantized, language), _cell(f.kl_mean, language),
        html.cell(f.judgement.verdict.value[language], agree),
    ]  # fmt: skip


def _stored(n_bytes: int, bits: float, language: Language) -> str:
    small = t.HISTORY_BITS.format(bits=number(bits, language, 3 if bits < FLOAT_BITS else 2))[language]
    return html.cell(size(n_bytes, language), small)


def _cell(estimate: Estimate, language: Language) -> str:
    shown = number(estimate.value, language, 3)
    if estimate.interval is None:
        return shown
    low, high = number(estimate.interval.low, language, 3), number(estimate.interval.high, language, 3)
    return html.cell(shown, f"{low} – {high}")


def plain(entry: Entry) -> dict[str, Any]:
    """The entry in English, with decimal points, one level deep: a row of a table."""
    row = {"recipe": entry.recipe.en, "link": "?" + entry.address, "text": entry.title.en}
    sizes: dict[str, float | None] = {
        "bits_per_weight_quantized": entry.report.quantized_bits_per_weight, "float_bytes": entry.report.float_bytes,
        "stored_bytes": entry.report.stored_bytes,
    }  # fmt: skip
    for name, placed in zip(("original", "quantized"), entry.written or (None, None), strict=True):
        sizes[f"bytes_per_token_{name}"] = placed.token_bytes if placed else None
        sizes[f"tokens_per_s_{name}"] = placed.speed.median if placed else None
    protocol = {f"protocol_{name}": value for name, value in vars(entry.figures.protocol).items()}
    return row | plain_figures(entry.figures) | sizes | protocol


def plain_figures(f: Figures) -> dict[str, Any]:
    """Every figure with the ends of its interval, None where there is none."""
    row: dict[str, Any] = {}
    for name, value in vars(f).items():
        if isinstance(value, Estimate):
            low, high = (value.interval.low, value.interval.high) if value.interval else (None, None)
            row |= {name: value.value, f"{name}_low": low, f"{name}_high": high}
    return row | {"kl_max": f.kl_max, "verdict": f.judgement.verdict.value.en}


def as_json(entries: Sequence[Entry]) -> str:
    """Valid JSON: what is not a finite number is null."""
    rows = [{k: _finite(v) for k, v in plain(e).items()} for e in entries]
    return json.dumps(rows, indent=2, ensure_ascii=False, allow_nan=False)


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def as_csv(entries: Sequence[Entry]) -> str:
    out, rows = io.StringIO(), [plain(e) for e in entries]
    writer = csv.DictWriter(out, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _downloads(entries: Sequence[Entry], language: Language) -> Markup:
    files = (("csv", "text/csv", as_csv(entries)), ("json", "application/json", as_json(entries)))
    # Spreadsheets take a file for UTF-8 only where it begins with the mark.
    codes = {"csv": "utf-8-sig", "json": "utf-8"}
    coded = [(name, kind, base64.b64encode(text.encode(codes[name])).decode()) for name, kind, text in files]
    return macros("tabs/metrics/metrics.html.j2").downloads(t.HISTORY_DOWNLOAD[language], coded)
