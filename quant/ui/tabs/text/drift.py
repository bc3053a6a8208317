"""Texto, below what the models write: a text of the visitor's, each token tinted by how much its probability moved.

Nothing here runs on the server after the answer: a token's card is already in the page, hidden until the token is
hovered, focused or tapped (drift.css). Only the keys and a phone need a line of script, which an attribute may hold.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from html import escape

import gradio as gr

from quant.evaluate.drift import UNFINISHED, Candidate, Drift, Span, drift_steps, text_tokens
from quant.lab import Lab
from quant.text import NO_BREAK, Language, Text, fixed, number
from quant.texts import shipped_text
from quant.ui.shared import html
from quant.ui.shared import texts as shared_texts
from quant.ui.shared.action import Action, quantizing
from quant.ui.shared.frames import Frame
from quant.ui.sidebar.choice import Choice
from quant.ui.tabs.base import Place, Run
from quant.ui.tabs.text import drift_texts as t

EDGES = (1.25, 2.0, 4.0)  # times more or less likely, from which a token is tinted 1, 2 or 3
MOST_MOVED = 5
CONTEXT_SPANS = 4  # shown before each of the most moved
SAMPLE, SAMPLE_SENTENCES = "literatura", 2
SEEN = str.maketrans({" ": "·", "\n": "↵", "\t": "⇥", "\r": "␍", "\N{NO-BREAK SPACE}": "⍽"})
# One stop for the tabulator in a text of hundreds of tokens: the arrows go from one to the next.
KEYS_JS = (
    "const all=[...this.querySelectorAll('[data-m]')],here=all.indexOf(event.target.closest('[data-m]')),"
    "there=all[{ArrowRight:here+1,ArrowLeft:here-1,Home:0,End:all.length-1}[event.key]];"
    "if(here&lt;0)return;if(event.key==='Escape')event.target.blur();"
    "if(there){event.preventDefault();all[here].tabIndex=-1;there.tabIndex=0;there.focus()}"
)
# On a phone the card takes the foot of the window: a token that was tapped down there moves up, out from under it.
TAP_JS = "if(innerWidth&lt;641)event.target.closest('[data-m]')?.scrollIntoView({block:'nearest'})"


@dataclass(frozen=True)
class Asked:
    choice: Choice
    text: str


@dataclass(frozen=True)
class Outputs:
    said: gr.HTML


# ---- numbers and tokens in words


def level(log_change: float) -> int:
    """-3 (lost most) to 3 (gained most); 0 is hardly moved."""
    size = sum(abs(log_change) >= math.log(edge) for edge in EDGES)
    return size if log_change > 0 else -size


def percent(p: float, language: Language) -> str:
    """A probability, never rounded up to certainty."""
    share = 100 * p
    text = f">{NO_BREAK}{number(99.9, language, 3)}" if 99.95 <= share < 100 else number(share, language, 3)
    return text + html.percent_sign(language)


def times(log_change: float, language: Language) -> str:
    """How many times likelier (×) or less likely (÷)."""
    factor = math.exp(min(abs(log_change), 700))
    return f"{'÷' if log_change < 0 else '×'}{NO_BREAK}{number(factor, language, 3 if factor < 9.95 else 2)}"


def visible(piece: str) -> str:
    """A piece of text with its spaces and line ends to be seen."""
    return piece.translate(SEEN)


def _name(candidate: Candidate, language: Language) -> str:
    """What a token writes, when it can be written."""
    if UNFINISHED in candidate.piece:
        return t.DRIFT_PARTIAL.format(id=candidate.id)[language]
    return visible(candidate.piece) or t.DRIFT_UNWRITTEN.format(id=candidate.id)[language]


def _word(shown: str) -> str:
    """For a sentence: without the space that begins most tokens, unless there is nothing else."""
    return shown.strip("·") or shown


# ---- the text


@cache
def _change(change: int, language: Language) -> str:
    """The legend's words for a tint."""
    if change == 0:
        return t.DRIFT_NEUTRAL[language]
    low, high = (number(e, language, 3).rstrip("0").rstrip(".,") for e in (*EDGES, math.inf)[abs(change) - 1 :][:2])
    words = t.DRIFT_BEYOND if abs(change) == len(EDGES) else t.DRIFT_BETWEEN
    return words.format(sign="÷" if change < 0 else "×", low=low, high=high)[language]


def _legend(language: Language) -> str:
    steps = range(-len(EDGES), len(EDGES) + 1)
    swatches = "".join(f"<span data-m={step}>{escape(_change(step, language))}</span>" for step in steps)
    limits = " · ".join(number(math.log(edge), language, 2) for edge in EDGES)
    note = t.DRIFT_LEGEND_NATS.format(limits=limits)[language]
    return (
        f'<div class="lab-drift-legend"><p>{escape(t.DRIFT_LEGEND[language])}</p><div>{swatches}</div>'
        f"<p>{escape(note)}</p></div>"
    )


def split_spaces(piece: str) -> tuple[str, str]:
    """The spaces that begin a piece, which take no tint (a line may end after them), and the rest, never empty."""
    word = piece.lstrip(" ") or piece
    return piece[: len(piece) - len(word)], word


def _token(span: Span, d: Drift, language: Language) -> str:
    """A piece of the text and its card; the mark of the first disagreement before it."""
    parts = d.parting is not None and span.first <= d.parting < span.first + len(span.tokens)
    space, word = split_spaces(span.piece)
    mark = "<sup>≠</sup>" if parts else ""
    text = mark + escape(word).replace("\n", "<i>↵</i>\n")
    stop = -1 if span.first else 0
    return (
        f"{space}<span data-m={level(span.log_change)} tabindex={stop} aria-describedby=lab-drift-{span.first}>{text}"
        f"{_card(span, language)}</span>"
    )


def _card(span: Span, language: Language) -> str:
    """Both models at this position: the token that came, and the five that each expected most."""
    first, n = span.tokens[0], len(span.tokens)
    where = (t.DRIFT_TOKEN if n == 1 else t.DRIFT_TOKENS).format(n=span.first + 1, last=span.first + n)[language]
    kl = t.DRIFT_TOKEN_KL.format(kl=number(span.kl_nats, language, 3))[language]
    moved = f"{where} · {times(span.log_change, language)} · {kl}"
    columns = (
        ("o", shared_texts.ORIGINAL, math.exp(span.log_p_original), first.rank_original, first.top_original),
        ("q", shared_texts.QUANTIZED, math.exp(span.log_p_quantized), first.rank_quantized, first.top_quantized),
    )
    lists = "".join(
        f"<span><b class={css}>{name[language]}</b>"
        f"<small>{t.DRIFT_P_RANK.format(p=percent(p, language), rank=fixed(rank, language, 0))[language]}</small>"
        + "".join(_candidate(c, c.id == first.id, language) for c in top)
        + "</span>"
        for css, name, p, rank, top in columns
    )
    note = f"<small>{t.DRIFT_SHARED.format(n=n)[language]}</small>" if n > 1 else ""
    return (
        f"<span class=lab-drift-card role=tooltip lang={language} id=lab-drift-{span.first}>"
        f"<b>{escape(visible(span.piece))}</b><small>{moved}</small>{lists}{note}</span>"
    )


def _candidate(candidate: Candidate, came: bool, language: Language) -> str:
    name = escape(_name(candidate, language)) + (" ✓" if came else "")
    return f"<i{' class=came' if came else ''}>{name}</i> <em>{percent(candidate.p, language)}</em> "


# ---- the words


def _verdict(d: Drift, language: Language) -> str:
    n = fixed(len(d.tokens), language, 0)
    agree = fixed(sum(token.agrees for token in d.tokens), language, 0)
    if d.parting is None:
        words = t.DRIFT_ALL_AGREE if d.most_moved(1) else t.DRIFT_NONE_MOVED
        return words.format(n=n)[language]
    span = next(s for s in reversed(d.spans) if s.first <= d.parting)
    token = d.tokens[d.parting]
    part = t.DRIFT_PART.format(
        at=fixed(d.parting + 1, language, 0), piece=_word(visible(span.piece)),
        a=_word(_name(token.top_original[0], language)), b=_word(_name(token.top_quantized[0], language)),
    )  # fmt: skip
    return f"{t.DRIFT_SOME_AGREE.format(n=n, agree=agree)[language]} {part[language]}"


def _cards(d: Drift, language: Language) -> str:
    n = fixed(len(d.tokens), language, 0)
    agree = fixed(sum(token.agrees for token in d.tokens), language, 0)
    badges = html.badge("measured", language)
    parting = (t.DRIFT_NO_PARTING, t.DRIFT_NO_PARTING_HINT.format(n=n))
    if d.parting is not None:
        parting = (t.DRIFT_PARTING_AT.format(at=fixed(d.parting + 1, language, 0)), t.DRIFT_PARTING_HINT)
    kl = t.DRIFT_KL_UNIT.format(kl=number(d.mean_kl_nats, language, 3))
    same = t.DRIFT_AGREEMENT_HINT.format(n=n, agree=agree)
    return html.cards([
        (t.DRIFT_AGREEMENT[language], percent(d.agreement, language), escape(same[language]) + f"<br>{badges}"),
        (t.DRIFT_KL[language], kl[language], escape(t.DRIFT_KL_HINT[language]) + f"<br>{badges}"),
        (t.DRIFT_PARTING[language], parting[0][language], escape(parting[1][language]) + f"<br>{badges}"),
    ])  # fmt: skip


def _most_moved(d: Drift, language: Language) -> str:
    spans = d.most_moved(MOST_MOVED)
    if not spans:
        return ""
    items = "".join(f"<li>{_before(span, d)}{_moved(span, language)}</li>" for span in spans)
    return f'<h4>{escape(t.DRIFT_MOST_MOVED[language])}</h4><ol class="lab-drift-most">{items}</ol>'


def _before(span: Span, d: Drift) -> str:
    """The token in its place: a few pieces before it, then itself with its tint."""
    at = d.spans.index(span)
    start = max(0, at - CONTEXT_SPANS)
    while max(0, at - 2 * CONTEXT_SPANS) < start < at and not d.spans[start].piece[:1].isspace():
        start -= 1  # to the beginning of a word
    before = " ".join("".join(s.piece for s in d.spans[start:at]).splitlines()).lstrip()
    space, word = split_spaces(span.piece if span.piece.strip() else visible(span.piece))
    lead = escape("…" * (start > 0) + before + space)
    return f'<span lang="es">{lead}<b data-m={level(span.log_change)}>{escape(word)}</b></span> '


def _moved(span: Span, language: Language) -> str:
    first = span.tokens[0]
    ranks = first.rank_original, first.rank_quantized
    words: dict[tuple[bool, bool], Text] = {
        (True, True): t.DRIFT_LOST_SAME_RANK, (True, False): t.DRIFT_LOST,
        (False, True): t.DRIFT_GAINED_SAME_RANK, (False, False): t.DRIFT_GAINED,
    }  # fmt: skip
    text = words[span.log_change < 0, ranks[0] == ranks[1]].format(
        before=percent(math.exp(span.log_p_original), language), rank_before=fixed(ranks[0], language, 0),
        after=percent(math.exp(span.log_p_quantized), language), rank_after=fixed(ranks[1], language, 0),
        change=times(span.log_change, language),
    )  # fmt: skip
    return escape(text[language])


def drift_html(d: Drift, language: Language) -> str:
    """Words first, then the text with its legend, then the tokens that moved most."""
    shown = {"total": fixed(d.total_tokens, language, 0), "shown": fixed(len(d.tokens), language, 0)}
    cut = html.notice(t.DRIFT_CUT.format(**shown)[language], "note") if d.total_tokens > len(d.tokens) else ""
    tokens = "".join(_token(span, d, language) for span in d.spans)
    label = escape(t.DRIFT_REGION[language])
    return (
        f'<div class="lab-drift">{html.verdict(_verdict(d, language))}{cut}{_cards(d, language)}{_legend(language)}'
        f'<div class="lab-drift-text" lang="es" role="group" aria-label="{label}" onkeydown="{KEYS_JS}" '
        f'onclick="{TAP_JS}">{tokens}</div>'
        f"{html.caption(t.DRIFT_HINT[language])}{_most_moved(d, language)}</div>"
    )


# ---- the section


def reading(lab: Lab, language: Language) -> Action[Asked, Asked, Frame]:
    """Both models read the text."""

    def check(asked: Asked) -> Asked:
        text_tokens(lab.loaded(asked.choice.model), asked.text)
        return asked

    return Action(lab, language, check, lambda asked: read_both(lab, language, asked), Frame)


def read_both(lab: Lab, language: Language, asked: Asked) -> Iterator[Frame]:
    """Progress, then the whole."""
    choice = asked.choice
    original = lab.loaded(choice.model)
    quantized = yield from quantizing(lab, language, choice.recipe(), Frame)
    for result in drift_steps(original, quantized, asked.text):
        if isinstance(result, Drift):
            yield Frame(drift_html(result, language) + html.caption(choice.describe()[language]))
        else:
            yield Frame(html.progress(t.DRIFT_READING, result, language))


def default_text() -> str:
    """The prompt of the tab, and how the shipped novel goes on."""
    sentences = shipped_text(SAMPLE).documents[0].replace("\n", " ").split(". ")[:SAMPLE_SENTENCES]
    return f"{shared_texts.DEFAULT_PROMPT}.\n\n{'. '.join(sentences).removesuffix('.')}."


def build_drift(place: Place) -> Run:
    language = place.language
    gr.Markdown(f"## {t.DRIFT_TITLE[language]}\n{t.DRIFT_INTRO[language]}")
    text = gr.Textbox(
        default_text(), label=t.DRIFT_TEXT[language], info=t.DRIFT_TEXT_INFO[language], lines=4, max_lines=12,
        elem_id=f"drift-text-{language}",
    )  # fmt: skip
    with gr.Row():
        button = gr.Button(t.DRIFT_READ[language], variant="primary", elem_id=f"drift-read-{language}")
        stop = gr.Button(shared_texts.STOP[language], scale=0, min_width=110, elem_id=f"drift-stop-{language}")
    output = gr.HTML(html.notice(t.DRIFT_EMPTY[language], "note"), elem_id=f"drift-{language}")
    action = reading(place.lab, language)
    return Run(action, lambda choice, got: Asked(choice, got[text]), (button.click,), (text,), Outputs(output), stop)
