"""Texto, below what the models write: a text of the visitor's, each token tinted by how much its probability moved.

Nothing here runs on the server after the answer: a token's card is already in the page, hidden until the token is
hovered, focused or tapped (drift.css). Only the keys and a phone need a line of script, which an attribute may hold.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import gradio as gr
from markupsafe import Markup

from quant.evaluation.drift import Drift, Span, drift_steps, text_tokens
from quant.lab import Lab
from quant.text import Language, Text, fixed, number
from quant.texts import shipped_text
from quant.ui.shared import glossary, html
from quant.ui.shared import texts as shared_texts
from quant.ui.shared.action import Action, quantizing, showing
from quant.ui.shared.frames import Frame
from quant.ui.shared.templates import macros
from quant.ui.sidebar.choice import Choice
from quant.ui.tabs.base import Place, Run
from quant.ui.tabs.text import drift_texts as t
from quant.ui.tabs.text.tinted import TEXT, legend, tinted
from quant.ui.tabs.text.tokens import level, percent, split_spaces, times, token_name, visible, word_of

MOST_MOVED = 5
CONTEXT_SPANS = 4  # shown before each of the most moved
SAMPLE, SAMPLE_SENTENCES = "literatura", 2


@dataclass(frozen=True)
class Asked:
    choice: Choice
    text: str


@dataclass(frozen=True)
class Outputs:
    said: gr.HTML


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
        at=fixed(d.parting + 1, language, 0), piece=word_of(visible(span.piece)),
        a=word_of(token_name(token.top_original[0], language)), b=word_of(token_name(token.top_quantized[0], language)),
    )  # fmt: skip
    return f"{t.DRIFT_SOME_AGREE.format(n=n, agree=agree)[language]} {part[language]}"


def _cards(d: Drift, language: Language) -> Markup:
    n = fixed(len(d.tokens), language, 0)
    agree = fixed(sum(token.agrees for token in d.tokens), language, 0)
    parting = (t.DRIFT_NO_PARTING, t.DRIFT_NO_PARTING_HINT.format(n=n))
    if d.parting is not None:
        parting = (t.DRIFT_PARTING_AT.format(at=fixed(d.parting + 1, language, 0)), t.DRIFT_PARTING_HINT)
    kl = t.DRIFT_KL_UNIT.format(kl=number(d.mean_kl_nats, language, 3))
    same = t.DRIFT_AGREEMENT_HINT.format(n=n, agree=agree)
    return html.cards([
        (t.DRIFT_AGREEMENT[language], percent(d.agreement, language), same[language]),
        (glossary.marked(t.DRIFT_KL[language], language), kl[language], t.DRIFT_KL_HINT[language]),
        (t.DRIFT_PARTING[language], parting[0][language], parting[1][language]),
    ]) + html.legend(("measured",), language)  # fmt: skip


def _most_moved(d: Drift, language: Language) -> Markup:
    spans = d.most_moved(MOST_MOVED)
    if not spans:
        return html.NOTHING
    items = [(*_before(span, d), _moved(span, language)) for span in spans]
    return macros(TEXT).most_moved(t.DRIFT_MOST_MOVED[language], items)


def _before(span: Span, d: Drift) -> tuple[str, int, str]:
    """The token in its place: a few pieces before it, its tint, itself."""
    at = d.spans.index(span)
    start = max(0, at - CONTEXT_SPANS)
    while max(0, at - 2 * CONTEXT_SPANS) < start < at and not d.spans[start].piece[:1].isspace():
        start -= 1  # to the beginning of a word
    before = " ".join("".join(s.piece for s in d.spans[start:at]).splitlines()).lstrip()
    space, word = split_spaces(span.piece if span.piece.strip() else visible(span.piece))
    return "…" * (start > 0) + before + space, level(span.log_change), word


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
    return text[language]


def drift_html(d: Drift, language: Language) -> Markup:
    """Words first, then the text with its legend, then the tokens that moved most."""
    shown = {"total": fixed(d.total_tokens, language, 0), "shown": fixed(len(d.tokens), language, 0)}
    is_cut = d.total_tokens > len(d.tokens)
    return macros(TEXT).whole([
        html.verdict(_verdict(d, language)),
        html.notice(t.DRIFT_CUT.format(**shown)[language], "note") if is_cut else html.NOTHING,
        _cards(d, language), legend(language), tinted(d, language), html.caption(t.DRIFT_HINT[language]),
        _most_moved(d, language),
    ])  # fmt: skip


# ---- the section


def reading(lab: Lab, language: Language) -> Action[Asked, Asked, Frame]:
    """Both models read the text."""

    def check(asked: Asked) -> Asked:
        text_tokens(lab.loaded(asked.choice.model), asked.text)
        return asked

    return Action(lab, language, check, lambda asked: read_both(lab, language, asked), Frame)


def read_both(lab: Lab, language: Language, asked: Asked) -> Iterator[Frame]:
    """Progress, then the entire text."""
    choice = asked.choice
    original = lab.loaded(choice.model)
    quantized = yield from quantizing(lab, language, choice.recipe(), Frame)
    found = yield from showing(
        drift_steps(original, quantized, asked.text),
        lambda step: Frame(html.progress(t.DRIFT_READING, step.fraction, language)),
    )
    shown = drift_html(found, language) + html.caption(choice.describe()[language])
    yield Frame(html.belongs(choice.query(), shown, language))


def default_text() -> str:
    """The prompt of the tab, and how the shipped novel goes on."""
    sentences = shipped_text(SAMPLE).documents[0].replace("\n", " ").split(". ")[:SAMPLE_SENTENCES]
    return f"{shared_texts.DEFAULT_PROMPT}.\n\n{'. '.join(sentences).removesuffix('.')}."


def build_drift(place: Place) -> tuple[gr.Textbox, Run]:
    language = place.language
    intro = f"## {t.DRIFT_TITLE[language]}\n{t.DRIFT_INTRO[language]}"
    gr.Markdown(intro, elem_id=f"drift-title-{language}", elem_classes=["lab-prose", "lab-anchor"])
    text = gr.Textbox(
        default_text(), label=t.DRIFT_TEXT[language], info=t.DRIFT_TEXT_INFO[language], lines=4, max_lines=12,
        elem_id=f"drift-text-{language}",
    )  # fmt: skip
    with gr.Row():
        button = gr.Button(
            t.DRIFT_READ[language], variant="primary", scale=0, min_width=290, elem_id=f"drift-read-{language}"
        )
        stop = gr.Button(shared_texts.STOP[language], scale=0, min_width=110, elem_id=f"drift-stop-{language}")
    output = gr.HTML(html.notice(t.DRIFT_EMPTY[language], "note"), elem_id=f"drift-{language}")
    action = reading(place.lab, language)
    run = Run(action, lambda choice, got: Asked(choice, got[text]), (button.click,), (text,), Outputs(output), stop)
    return text, run
