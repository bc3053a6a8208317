"""The fields of the page that say how the next token is chosen, read as a `Sampling`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from quant.errors import PromptError
from quant.generation import Sampling
from quant.text import Language
from quant.ui.shared import texts as shared_texts
from quant.ui.tabs.text import texts as t


@dataclass(frozen=True)
class Settings:
    """What the fields hold; None where one is empty."""

    max_length: float | None
    no_repeat: float | None
    do_sample: bool
    temperature: float | None
    top_k: float | None
    top_p: float | None
    seed: float | None

    def sampling(self) -> Sampling:
        """The settings as a `Sampling`. Raises PromptError on an empty field or what `Sampling` refuses."""
        return Sampling(
            max_length=given("max_length", self.max_length),
            no_repeat_ngram_size=given("no_repeat_ngram_size", self.no_repeat), do_sample=self.do_sample,
            temperature=given("temperature", self.temperature), top_k=given("top_k", self.top_k),
            top_p=given("top_p", self.top_p), seed=given("seed", self.seed),
        )  # fmt: skip


@dataclass(frozen=True)
class SettingsForm:
    """The components of `Settings`."""

    max_length: gr.Number
    no_repeat: gr.Number
    do_sample: gr.Checkbox
    temperature: gr.Number
    top_k: gr.Number
    top_p: gr.Number
    seed: gr.Number


def given(name: str, value: float | None) -> Any:
    """The number of a field, whole when it can be; the browser sends 150 or 150.0 as it likes."""
    if value is None:
        raise PromptError(shared_texts.MISSING_NUMBER.format(name=name))
    return int(value) if value == int(value) else value


def build_settings(language: Language) -> SettingsForm:
    defaults = Sampling()
    with gr.Accordion(t.SETTINGS[language], open=False):
        with gr.Row():
            max_length = gr.Number(defaults.max_length, label=t.MAX_LENGTH[language])
            no_repeat = gr.Number(defaults.no_repeat_ngram_size, label=t.NO_REPEAT[language])
        do_sample = gr.Checkbox(defaults.do_sample, label=t.DO_SAMPLE[language], info=t.DO_SAMPLE_INFO[language])
        with gr.Row():
            temperature = gr.Number(defaults.temperature, label=t.TEMPERATURE[language], step=0.1, min_width=110)
            top_k = gr.Number(defaults.top_k, label=t.TOP_K[language], min_width=110)
            top_p = gr.Number(defaults.top_p, label=t.TOP_P[language], step=0.05, min_width=110)
            seed = gr.Number(defaults.seed, label=t.SEED[language], min_width=110)
        gr.Markdown(t.NOTEBOOK_NOTE[language], elem_classes="lab-small-print")
    return SettingsForm(max_length, no_repeat, do_sample, temperature, top_k, top_p, seed)
