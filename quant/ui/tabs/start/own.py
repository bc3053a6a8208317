"""The visitor's own beginning: the original and every stop of the opening go on from it, live, and take the place of
the recorded text. Heavy work, one model after another, first the two that are being looked at.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import gradio as gr
from markupsafe import Markup

from quant.changes import changed_spans
from quant.errors import PromptError, QuantError
from quant.generation import Sampling, encode_prompt, stream
from quant.lab import Lab
from quant.model.load import EMBEDDED, LoadedModel
from quant.text import Language
from quant.ui.shared import html
from quant.ui.shared import texts as shared_texts
from quant.ui.shared.action import Action, quantizing
from quant.ui.shared.frames import Frame, Values
from quant.ui.shared.templates import macros
from quant.ui.sidebar.choice import Choice
from quant.ui.tabs.base import Place, Run
from quant.ui.tabs.start import hero_texts as t
from quant.ui.tabs.start.hero import FILE, ORIGINAL, STOPS, marked_text

ROOM, NEW_TOKENS = 64, 33  # tokens of a beginning; as many new ones as were recorded
MOST_CHARACTERS = 500
WORDS_PER_TOKEN = 0.6
REDRAW_S = 0.06


@dataclass(frozen=True)
class Asked:
    """The visitor's beginning, and the bits that are being looked at."""

    prompt: str
    bits: int


@dataclass(frozen=True)
class Written(Frame):
    """texts: what the opening shows in place of the recorded texts; None leaves it as it is."""

    texts: str | None = None

    def ended(self) -> Written:
        return self if self.texts is None else replace(self, texts=self.texts + _handed({"ended": True}))


@dataclass(frozen=True)
class Outputs:
    said: gr.HTML
    texts: gr.HTML


def own_beginning(lab: Lab, language: Language) -> Action[Asked, tuple[Asked, Sampling], Written]:
    """All stops go on from the visitor's beginning."""

    def check(asked: Asked) -> tuple[Asked, Sampling]:
        loaded, prompt = lab.loaded(EMBEDDED), (asked.prompt or "").strip()
        too_long = PromptError(t.OWN_LONG.format(words=round(ROOM * WORDS_PER_TOKEN)))
        if len(prompt) > MOST_CHARACTERS:  # many more tokens than the model reads at once
            raise too_long
        ids = encode_prompt(loaded, prompt, loaded.context)
        if len(ids) > ROOM:
            raise too_long
        return replace(asked, prompt=prompt), Sampling(max_length=len(ids) + NEW_TOKENS)

    return Action(lab, language, check, lambda ready: write(lab, language, *ready), Written)


def write(lab: Lab, language: Language, asked: Asked, sampling: Sampling) -> Iterator[Written]:
    """The texts written so far, as they grow; the original first, then the stop in view."""
    live = Live(asked.prompt)
    try:
        for key in order(asked.bits):
            model = lab.loaded(EMBEDDED)
            if key != ORIGINAL:
                recipe = Choice(EMBEDDED, bits=int(key)).recipe()
                model = yield from quantizing(lab, language, recipe, lambda said: Written(said, live.markup()))
            for text, last in _growing(model, asked.prompt, sampling):
                live.write(key, text, last)
                yield Written(html.progress(t.OWN_WRITING, len(live.done) / len(STOPS), language), live.markup())
    except QuantError as error:
        yield Written(html.problem(error, language), live.markup()).ended()
    else:
        yield Written("", live.markup()).ended()


def order(bits: int) -> list[str]:
    """The original, the stop that is looked at, and the others from the mildest on."""
    seen = [key for key in STOPS if key == str(bits)]
    return [ORIGINAL, *seen, *(key for key in STOPS[1:] if key not in seen)]


def _growing(model: LoadedModel, prompt: str, sampling: Sampling) -> Iterator[tuple[str, bool]]:
    """(what is written so far without the prompt, whether that is all), as often as a browser can draw it."""
    drawn = time.monotonic()
    for step in stream(model, prompt, sampling):
        if step.done or time.monotonic() - drawn >= REDRAW_S:
            drawn = time.monotonic()
            yield step.text[len(prompt) :], step.done


@dataclass
class Live:
    """What has been written after one beginning. done: the stops whose text is all there."""

    prompt: str
    original: str = ""
    texts: dict[str, Markup] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)

    def write(self, key: str, text: str, last: bool) -> None:
        if key == ORIGINAL:
            self.original = text
        # Until both have ended, what the original has not come to yet is no change.
        self.texts[key] = marked_text(self.prompt, text, changed_spans(self.original, text) if last else ())
        if last:
            self.done.append(key)

    def markup(self) -> Markup:
        prompt = marked_text(self.prompt, "", ())
        return _handed({"prompt": prompt, "texts": self.texts, "done": self.done, "ended": False})


def _handed(data: dict[str, object]) -> Markup:
    """The element that hands it to the opening, which keeps what it does not name."""
    return Markup(macros(FILE).live(json.dumps(data, ensure_ascii=False)))


def build_own(place: Place) -> tuple[gr.Textbox, Run]:
    """The field that “escribe tú el principio” opens, and what it runs."""
    language = place.language
    with gr.Column(elem_id=f"hero-own-{language}", elem_classes="lab-hero-own-field"):
        with gr.Row():
            prompt = gr.Textbox(
                label=t.OWN_LABEL[language], placeholder=t.OWN_HINT[language], lines=1, container=False, scale=1,
                min_width=220, elem_id=f"hero-prompt-{language}",
            )  # fmt: skip
            button = gr.Button(
                t.OWN_GO[language], variant="primary", scale=0, min_width=140, elem_id=f"hero-go-{language}"
            )
            stop = gr.Button(shared_texts.STOP[language], scale=0, min_width=110, elem_id=f"hero-stop-{language}")
        said = gr.HTML()
    texts = gr.HTML(elem_classes="lab-data")

    def asks(choice: Choice, values: Values) -> Asked:
        return Asked(values[prompt], choice.bits)

    run = Run(
        own_beginning(place.lab, language), asks, (button.click, prompt.submit), (prompt,), Outputs(said, texts), stop
    )
    return prompt, run
