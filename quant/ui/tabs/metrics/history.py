"""What has been measured in this browser: a table beside the baseline, and the same as CSV, as JSON, to be pasted."""

from __future__ import annotations

import base64
import csv
import io
import json
import math
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from quant.evaluation.figures import Estimate, Figures
from quant.evaluation.verdict import Candidate, better_perplexity_worse_kl
from quant.text import Language, Text, number, size
from quant.ui.shared import html
from quant.ui.shared.templates import macros
from quant.ui.tabs.metrics import history_texts as h
from quant.ui.tabs.metrics import texts as t
from quant.ui.tabs.metrics.brief import METRICS
from quant.ui.tabs.metrics.kept import ESTIMATES, Entry, protocol_of
from quant.ui.tabs.metrics.moved import change, change_ends, figure, ratio_of

FLOAT_BITS = 32


def history_html(entries: Sequence[Entry], language: Language, lost: int = 0) -> Markup:
    """The table, one baseline for each text, and the downloads. lost: entries of the browser that could not be read."""
    note = html.notice(h.HISTORY_LOST.format(n=lost)[language], "note") if lost else html.NOTHING
    if not entries:
        return note + html.notice(h.HISTORY_EMPTY[language], "note")
    rows, warned = [], html.NOTHING
    for key in dict.fromkeys(e.key for e in entries):
        group = [e for e in entries if e.key == key]
        rows += [_base_row(group[0], language), *(_row(e, language) for e in group)]
        warned += html.NOTHING.join(html.notice(text[language], "note") for text in disagreements(group))
    table = html.table([head[language] for head in h.HISTORY_HEAD], rows)
    return note + table + html.caption(h.HISTORY_READ[language]) + warned + _downloads(entries, language)


def disagreements(group: Sequence[Entry]) -> list[Text]:
    """A warning for each pair that perplexity ranks one way and KL the other."""
    tried = [Candidate(e.recipe, e.figure("log_ratio").value, e.figure("kl_mean").value) for e in group]
    found = [better_perplexity_worse_kl(a, b) for i, a in enumerate(tried) for b in tried[i + 1 :]]
    return [text for text in found if text is not None]


def _base_row(entry: Entry, language: Language) -> list[str]:
    name = html.cell(t.HISTORY_BASE[language], entry.title[language])
    bits = t.HISTORY_BITS.format(bits=number(FLOAT_BITS, language, 2))[language]
    stored = html.cell(size(entry.float_bytes, language), bits)
    return [name, stored, number(entry.figure("perplexity_original").value, language, 3), "0"]


def _row(entry: Entry, language: Language) -> list[str]:
    top = entry.figure("same_top").value
    share = number(100 * top, language, 3) + html.percent_sign(language)
    bits = t.HISTORY_BITS.format(bits=number(entry.bits_whole, language, 3))[language]
    return [
        html.row_name(
            recipe_link(entry.address, entry.choice.brief()[language]), html.chip(entry.judgement.verdict, language),
            h.HISTORY_TOP.format(share=share)[language],
        ),
        html.cell(size(entry.stored_bytes, language), bits), _moved(entry, language),
        _cell(entry.figure("kl_mean"), language),
    ]  # fmt: skip


def recipe_link(address: str, name: str) -> Markup:
    """A name that loads its recipe."""
    return macros(METRICS).recipe(address, name)


def _moved(entry: Entry, language: Language) -> Markup:
    """The paired change of perplexity with its interval: what two intervals of their own, overlapping, would hide."""
    ratio = ratio_of(entry.figure("log_ratio"))
    shown = number(entry.figure("perplexity_quantized").value, language, 3)
    ends = change_ends(ratio, language)
    return html.cell(change(1.0, ratio.value, language), f"{ends} · {shown}" if ends else shown)


def _cell(estimate: Estimate, language: Language) -> str:
    shown = figure(estimate.value, language, 3)
    if estimate.interval is None:
        return shown
    low, high = figure(estimate.interval.low, language, 3), figure(estimate.interval.high, language, 3)
    return html.cell(shown, f"{low} – {high}")


def plain(entry: Entry) -> dict[str, Any]:
    """The entry in English, with decimal points, one level deep: a row of a table."""
    row: dict[str, Any] = {"recipe": entry.recipe.en, "link": "?" + entry.address, "text": entry.title.en}
    for name in ESTIMATES:
        row |= _with_ends(name, entry.figure(name))
    row |= {"kl_max": entry.kl_max, "verdict": entry.judgement.verdict.value.en}
    row |= {"bits_per_weight_quantized": entry.bits_quantized, "bits_per_weight": entry.bits_whole,
            "float_bytes": entry.float_bytes, "stored_bytes": entry.stored_bytes}  # fmt: skip
    for name, placed in zip(("original", "quantized"), entry.placed or (None, None), strict=True):
        row[f"bytes_per_token_{name}"] = placed.token_bytes if placed else None
        row[f"tokens_per_s_{name}"] = placed.speed.median if placed else None
    return row | {f"protocol_{name}": value for name, value in vars(protocol_of(entry)).items()}


def plain_figures(f: Figures) -> dict[str, Any]:
    """Every figure with the ends of its interval, None where there is none."""
    row: dict[str, Any] = {}
    for name in ESTIMATES:
        row |= _with_ends(name, getattr(f, name))
    return row | {"kl_max": f.kl_max, "verdict": f.judgement.verdict.value.en}


def _with_ends(name: str, estimate: Estimate) -> dict[str, float | None]:
    low, high = (estimate.interval.low, estimate.interval.high) if estimate.interval else (None, None)
    return {name: estimate.value, f"{name}_low": low, f"{name}_high": high}


def as_json(entries: Sequence[Entry]) -> str:
    """Valid JSON: what is not a finite number is null."""
    rows = [{k: _finite(v) for k, v in plain(e).items()} for e in entries]
    return json.dumps(rows, indent=2, ensure_ascii=False, allow_nan=False)


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def main_columns(entry: Entry, language: Language) -> dict[str, object]:
    """The dozen figures that one compares, under headings in words."""
    ratio = ratio_of(entry.figure("log_ratio"))
    ends = (ratio.interval.low, ratio.interval.high) if ratio.interval else (None, None)
    percents = [None if end is None else 100 * (end - 1) for end in (ratio.value, *ends)]
    values = (
        entry.recipe[language], entry.title[language], entry.judgement.verdict.value[language], entry.stored_bytes,
        entry.bits_whole, entry.figure("perplexity_original").value, entry.figure("perplexity_quantized").value,
        *percents, entry.figure("kl_mean").value, 100 * entry.figure("same_top").value,
    )  # fmt: skip
    return dict(zip((head[language] for head in h.COLUMNS), values, strict=True))


def as_csv(entries: Sequence[Entry], language: Language = "en") -> str:
    """A file for a spreadsheet. In Spanish: semicolons, decimal commas, the main columns first under Spanish names."""
    if language == "en":
        return _written([plain(e) for e in entries], ",")
    rows = [main_columns(e, language) | _others(e) for e in entries]
    return _written([{name: _spanish(value) for name, value in row.items()} for row in rows], ";")


def _others(entry: Entry) -> dict[str, object]:
    """What the main columns leave out, under the names that the JSON has."""
    return {name: value for name, value in plain(entry).items() if name not in h.IN_MAIN_COLUMNS}


def _spanish(value: object) -> object:
    return repr(value).replace(".", ",") if isinstance(value, float) else value


def _written(rows: Sequence[dict[str, Any]], separator: str) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), delimiter=separator)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def to_paste(entries: Sequence[Entry], language: Language) -> str:
    """The main columns with tabs between, as spreadsheets and documents take them from the clipboard."""
    rows = [main_columns(e, language) for e in entries]
    lines = [list(rows[0]), *([_pasted(value, language) for value in row.values()] for row in rows)]
    return "\n".join("\t".join(line) for line in lines)


def _pasted(value: object, language: Language) -> str:
    if isinstance(value, float):
        shown = f"{value:.6g}"
        return shown.replace(".", ",") if language == "es" else shown
    return "" if value is None else str(value)


def _downloads(entries: Sequence[Entry], language: Language) -> Markup:
    files = (("csv", "text/csv", as_csv(entries, language)), ("json", "application/json", as_json(entries)))
    # Spreadsheets take a file for UTF-8 only where it begins with the mark.
    codes = {"csv": "utf-8-sig", "json": "utf-8"}
    coded = [(name, kind, base64.b64encode(text.encode(codes[name])).decode()) for name, kind, text in files]
    words = (h.HISTORY_DOWNLOAD[language], h.HISTORY_COPY[language], h.HISTORY_COPIED[language])
    return macros(METRICS).downloads(*words, coded, to_paste(entries, language))
