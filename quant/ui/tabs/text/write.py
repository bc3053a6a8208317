"""Texto: the original and the quantized model write after the same prompt, side by side, token by token."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import gradio as gr
from markupsafe import Markup

from quant.generation import Sampling, Step, encode_prompt, first_difference, side_by_side
from quant.lab import Lab
from quant.model.load import LoadedModel
from quant.size import size_report
from quant.text import Language, number
from quant.ui.shared import glossary, html
from quant.ui.shared import texts as shared_texts
from quant.ui.shared.action import Action, quantizing
from quant.ui.shared.frames import Frame, Values, components, read
from quant.ui.shared.templates import macros
from quant.ui.sidebar.choice import Choice
from quant.ui.tabs.base import Follow, Place, Run
from quant.ui.tabs.text import texts as t
from quant.ui.tabs.text.before import build_before
from quant.ui.tabs.text.columns import COLUMNS, Column
from quant.ui.tabs.text.sampling import Settings, SettingsForm, build_settings

REDRAW_S = 0.06  # a browser does not need more frames, and each one is a message


@dataclass(frozen=True)
class Asked:
    """What the button asks for, and with which settings."""

    choice: Choice
    prompt: str
    settings: Settings


@dataclass(frozen=True)
class WriteForm:
    """What other sections of the tab read too: the prompt and the settings."""

    prompt: gr.Textbox
    settings: SettingsForm


@dataclass(frozen=True)
class Outputs:
    said: gr.HTML


def writing(lab: Lab, language: Language) -> Action[Asked, tuple[Asked, Sampling], Frame]:
    """Both models go on from the prompt."""

    def check(asked: Asked) -> tuple[Asked, Sampling]:
        sampling = asked.settings.sampling()
        encode_prompt(lab.loaded(asked.choice.model), asked.prompt, sampling.max_length)
        return asked, sampling

    return Action(lab, language, check, lambda ready: write(lab, language, *ready), Frame)


def write(lab: Lab, language: Language, asked: Asked, sampling: Sampling) -> Iterator[Frame]:
    """The two columns, redrawn as both models write."""
    choice = asked.choice
    original = lab.loaded(choice.model)
    report = size_report(original, choice.recipe())
    quantized = yield from quantizing(lab, language, choice.recipe(), Frame)
    bits = number(report.quantized_bits_per_weight, language, 3)
    kind = t.QUANTIZED_KIND.format(bits=bits)[language]
    drawn, last, recipe = 0.0, "", html.caption(choice.describe()[language])
    for pair in side_by_side(original, quantized, asked.prompt, sampling):
        last = html.belongs(choice.query(), columns(original, pair, kind, language) + recipe, language)
        if time.monotonic() - drawn >= REDRAW_S:
            drawn = time.monotonic()
            yield Frame(last)
    yield Frame(last)


def columns(loaded: LoadedModel, pair: tuple[Step, Step], kind: str, language: Language) -> Markup:
    """Both texts with the first differing token marked, and what they agree on said in words."""
    part = first_difference(pair[0].ids, pair[1].ids)
    names = (
        ("o", shared_texts.ORIGINAL[language], t.ORIGINAL_KIND[language]),
        ("q", shared_texts.QUANTIZED[language], kind),
    )
    shown = [
        Column(*name, _marked(loaded, step, part, language), step.done,
               t.NEW_TOKENS.format(n=step.new_tokens)[language])
        for name, step in zip(names, pair, strict=True)
    ]  # fmt: skip
    said = macros(COLUMNS).not_a_measure(
        t.NOT_A_MEASURE[language], t.TO_METRICS[language], f"#drift-title-{language}", t.TO_DRIFT[language]
    )
    return html.verdict(_verdict(loaded, pair, part, language)) + macros(COLUMNS).columns(shown) + said


def _verdict(loaded: LoadedModel, pair: tuple[Step, Step], part: int | None, language: Language) -> str:
    a, b = pair
    if part is not None:
        n = part - a.prompt_tokens + 1
        words = [_token_text(loaded, step.ids, part).strip() or "␣" for step in pair]
        for step, other, name in ((a, b, t.THE_ORIGINAL), (b, a, t.THE_QUANTIZED)):
            if part == len(step.ids) - 1 and step.done and len(other.ids) > len(step.ids):
                return t.ENDS_AT.format(n=n, name=name)[language]
        return t.PART_AT.format(n=n, a=words[0], b=words[1])[language]
    if not (a.done and b.done):
        return t.SAME_SO_FAR[language]
    return t.SAME_TEXT.format(n=a.new_tokens)[language]


def _cuts(loaded: LoadedModel, ids: tuple[int, ...], at: int) -> tuple[str, str, str]:
    """Text before token `at`, of it, and after. A token may hold part of a character: then the mark covers it all."""

    def decode(n: int) -> str:
        return loaded.tokenizer.decode(list(ids[:n]), skip_special_tokens=True)

    start, end = at, at + 1
    while start > 0 and decode(start).endswith("\ufffd"):
        start -= 1
    while end < len(ids) and decode(end).endswith("\ufffd"):
        end += 1
    before, through = decode(start), decode(end)
    return before, through[len(before) :], decode(len(ids))[len(through) :]


def _token_text(loaded: LoadedModel, ids: tuple[int, ...], at: int) -> str:
    return _cuts(loaded, ids, at)[1] if at < len(ids) else "∅"


def _marked(loaded: LoadedModel, step: Step, part: int | None, language: Language) -> Markup:
    """The text as markup: prompt in bold, what both share plain, the first differing token marked, the rest tinted."""
    prompt, _, _ = _cuts(loaded, step.ids, step.prompt_tokens)
    if part is None:
        return macros(COLUMNS).same(prompt, step.text[len(prompt) :])
    before, token, after = _cuts(loaded, step.ids, part)
    return macros(COLUMNS).parted(prompt, before[len(prompt) :], t.FIRST_DIFFERENT[language], token, after)


def build_write(place: Place) -> tuple[WriteForm, Run, Follow]:
    language = place.language
    glossary.prose(t.TEXT_INTRO[language], language)
    gr.HTML(macros(COLUMNS).jump(f"#drift-title-{language}", t.TEXT_LINKS[language]))
    prompt = gr.Textbox(shared_texts.DEFAULT_PROMPT, label=t.PROMPT[language], lines=2, elem_id=f"prompt-{language}")
    with gr.Row():
        button = gr.Button(t.WRITE[language], variant="primary", scale=0, min_width=240, elem_id=f"write-{language}")
        stop = gr.Button(shared_texts.STOP[language], scale=0, min_width=110, elem_id=f"stop-{language}")
    settings = build_settings(language)
    output = gr.HTML(html.notice(t.TEXT_EMPTY[language], "note"), elem_id=f"written-{language}")
    before = build_before(language)
    gr.Markdown(t.LITTLE_MODEL[language], elem_classes="lab-small-print")

    def asks(choice: Choice, values: Values) -> Asked:
        return Asked(choice, values[prompt], read(Settings, settings, values))

    inputs = (prompt, *components(settings))
    run = Run(writing(place.lab, language), asks, (button.click, prompt.submit), inputs, Outputs(output), stop)
    return WriteForm(prompt, settings), run, before
