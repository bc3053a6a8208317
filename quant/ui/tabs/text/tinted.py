"""The text of "Token a token": its tinted tokens, the card of each, and the legend of the tints."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from markupsafe import Markup, escape

from quant.evaluation.drift import Candidate, Drift, Span
from quant.text import Language, Text, fixed, number
from quant.ui.shared import glossary
from quant.ui.shared import texts as shared_texts
from quant.ui.shared.templates import macros
from quant.ui.tabs.text import drift_texts as t
from quant.ui.tabs.text.tokens import EDGES, LINE_END, level, percent, split_spaces, times, token_name, visible

TEXT = "tabs/text/drift.html.j2"
# One stop for the tabulator in a text of hundreds of tokens: the arrows go from one to the next.
KEYS_JS = (
    "const all=[...this.querySelectorAll('[data-m]')],here=all.indexOf(event.target.closest('[data-m]')),"
    "there=all[{ArrowRight:here+1,ArrowLeft:here-1,Home:0,End:all.length-1}[event.key]];"
    "if(here<0)return;if(event.key==='Escape')event.target.blur();"
    "if(there){event.preventDefault();all[here].tabIndex=-1;there.tabIndex=0;there.focus()}"
)
# On a phone the card takes the foot of the window: a token that was tapped down there moves up, out from under it.
TAP_JS = "if(innerWidth<641)event.target.closest('[data-m]')?.scrollIntoView({block:'nearest'})"


@cache
def _change(change: int, language: Language) -> str:
    """The legend's words for a tint."""
    if change == 0:
        return t.DRIFT_NEUTRAL[language]
    low, high = (number(e, language, 3).rstrip("0").rstrip(".,") for e in (*EDGES, math.inf)[abs(change) - 1 :][:2])
    words = t.DRIFT_BEYOND if abs(change) == len(EDGES) else t.DRIFT_BETWEEN
    return words.format(sign="÷" if change < 0 else "×", low=low, high=high)[language]


def legend(language: Language) -> Markup:
    steps = [(step, _change(step, language)) for step in range(-len(EDGES), len(EDGES) + 1)]
    limits = " · ".join(number(math.log(edge), language, 2) for edge in EDGES)
    note = glossary.marked(t.DRIFT_LEGEND_NATS.format(limits=limits)[language], language)
    return macros(TEXT).legend(t.DRIFT_LEGEND[language], steps, note)


@dataclass(frozen=True)
class Column:
    """What one model expected at a token: candidates as (name, whether it is the one that came, probability)."""

    css: str
    name: str
    rank: str
    candidates: list[tuple[str, bool, str]]


@dataclass(frozen=True)
class Token:
    """A piece of the text with its tint, the mark of the first disagreement before it (parts), and its card."""

    first: int
    level: int
    stop: int
    space: str
    text: Markup
    parts: bool
    visible: str
    moved: str
    columns: tuple[Column, Column]
    note: str


def _token(span: Span, d: Drift, language: Language) -> Token:
    space, word = split_spaces(span.piece)
    first, n = span.tokens[0], len(span.tokens)
    columns = (
        _column("o", shared_texts.ORIGINAL, span.log_p_original, first.rank_original, first.top_original, first.id,
                language),
        _column("q", shared_texts.QUANTIZED, span.log_p_quantized, first.rank_quantized, first.top_quantized, first.id,
                language),
    )  # fmt: skip
    return Token(
        span.first, level(span.log_change), -1 if span.first else 0, space, escape(word).replace("\n", LINE_END),
        d.parting is not None and span.first <= d.parting < span.first + n, visible(span.piece),
        _where(span, language), columns, t.DRIFT_SHARED.format(n=n)[language] if n > 1 else "",
    )  # fmt: skip


def _where(span: Span, language: Language) -> str:
    n = len(span.tokens)
    where = (t.DRIFT_TOKEN if n == 1 else t.DRIFT_TOKENS).format(n=span.first + 1, last=span.first + n)[language]
    kl = t.DRIFT_TOKEN_KL.format(kl=number(span.kl_nats, language, 3))[language]
    return f"{where} · {times(span.log_change, language)} · {kl}"


def _column(css: str, name: Text, log_p: float, rank: int, top: Sequence[Candidate], came: int,
            language: Language) -> Column:  # fmt: skip
    p = percent(math.exp(log_p), language)
    candidates = [
        (token_name(c, language) + (" ✓" if c.id == came else ""), c.id == came, percent(c.p, language)) for c in top
    ]
    return Column(css, name[language], t.DRIFT_P_RANK.format(p=p, rank=fixed(rank, language, 0))[language], candidates)


def tinted(d: Drift, language: Language) -> Markup:
    """The whole text, a token of it in each tint and with its card."""
    tokens = [_token(span, d, language) for span in d.spans]
    return macros(TEXT).text(tokens, t.DRIFT_REGION[language], KEYS_JS, TAP_JS, language)
