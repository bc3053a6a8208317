"""The quantized model as a file: its size to the byte beforehand, then the file, its checksum and the code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import gradio as gr
from markupsafe import Markup

from quant.errors import ModelError, QuantError
from quant.file.quantized import predicted_bytes, save_quantized
from quant.lab import Lab
from quant.model.load import LoadedModel
from quant.recipe import Calibration
from quant.size import SizeReport, size_report
from quant.text import Language, Text, fixed, size
from quant.training import RATES, Training
from quant.ui.shared import html
from quant.ui.shared import texts as shared_texts
from quant.ui.shared.action import Action, quantizing
from quant.ui.shared.frames import Frame, Updates, Values
from quant.ui.shared.shelf import Shelf, Stored
from quant.ui.shared.templates import macros
from quant.ui.sidebar.choice import Choice
from quant.ui.sidebar.formats import CASTS, INTEGER, NO_ZERO
from quant.ui.sidebar.offers import LEARNED, LEARNED_GROUPS
from quant.ui.tabs.base import Follow, Place, Run, Seen
from quant.ui.tabs.metrics import file_texts as t
from quant.ui.tabs.metrics.brief import published_bytes

CODE = """```python
import quant
model = quant.load_quantized("{name}")
print(quant.generate(model, "{prompt}").text)
```"""


def hidden() -> object:
    return gr.update(visible=False)


@dataclass(frozen=True)
class Prepared(Frame):
    """What happens now; button and code are hidden until there is a file of the recipe asked for."""

    download: object = field(default_factory=hidden)
    code: object = field(default_factory=hidden)


@dataclass(frozen=True)
class Outputs:
    """The components of `Prepared`."""

    said: gr.HTML
    download: gr.DownloadButton
    code: gr.Markdown


def planned(lab: Lab, language: Language, choice: Choice) -> str:
    """What the file would be; nothing for a choice that the status line already refuses."""
    try:
        loaded, recipe = lab.loaded(choice.model), choice.recipe()
        report, n_bytes = size_report(loaded, recipe), predicted_bytes(loaded, recipe)
    except (QuantError, OSError):  # to be measured, a tokenizer is written: `prepare` says what is wrong with the disk
        return ""
    return html.cards(_sizes(report, n_bytes, published_bytes(choice.model), language)) + html.legend(
        ("packed",), language
    )


def _sizes(report: SizeReport, n_bytes: int, published: int | None, language: Language) -> list[tuple[str, str, str]]:
    def said(text: Text, **amounts: int) -> str:
        return text.format(**{name: fixed(n, language, 0) for name, n in amounts.items()})[language]

    before, weights, packed = report.float_bytes, report.stored_bytes, html.mark("packed", language)
    rows = [
        (t.FILE_WHOLE[language], size(n_bytes, language), html.spaced(said(t.FILE_BYTES, n=n_bytes), packed)),
        (t.FILE_WEIGHTS[language], size(weights, language), said(t.FILE_REST, n=weights, rest=n_bytes - weights)),
        (t.FILE_ORIGINAL[language], size(before, language), said(t.FILE_WEIGHTS_ALONE, n=before)),
    ]
    if published:
        rows.append((t.FILE_PUBLISHED[language], size(published, language), said(t.FILE_PUBLISHED_BYTES, n=published)))
    return rows


def file_name(choice: Choice) -> str:
    """Model and recipe in a name that every disk and every address takes."""
    bits = {INTEGER: f"int{choice.bits}", LEARNED: f"learned{choice.bits}",
            LEARNED_GROUPS: f"learned{choice.bits}-each{choice.group}"}  # fmt: skip
    how = [bits.get(choice.format, CASTS.get(choice.format, choice.format))]
    if choice.has_granularity:
        how.append(f"group{choice.group}" if choice.granularity == "group" else choice.granularity)
    elif choice.format in NO_ZERO:
        how.append(f"group{choice.group}")
    how += _grid(choice) + ["table"] * choice.table
    how += [_activations(choice)] * choice.rounds_activations + [choice.chosen_method] * bool(choice.chosen_method)
    how += _also(choice)
    how += [_trained(choice.trained)] if choice.trained else []
    model = re.sub(r"[^\w.-]+", "-", choice.model.rstrip("/").rpartition("/")[2], flags=re.ASCII).strip("-.")
    return "-".join([model or "model", *how]) + ".safetensors"


def _activations(choice: Choice) -> str:
    """The arithmetic, and what tells a kind of activations from others of as many bits."""
    kind, _, scale = choice.rounding.partition("-")
    apart = scale if kind.startswith("int") else kind
    return "-".join(filter(None, [choice.arithmetic.lower(), apart]))


def _grid(choice: Choice) -> list[str]:
    if not choice.has_bits:
        return []
    return [choice.grid] if choice.grid else ["zero"] * choice.zero_point


def _also(choice: Choice) -> list[str]:
    """What is done first, which knobs are turned, what was read, and how keys and values are stored."""
    cached = [f"k{choice.keys or 32}v{choice.values or 32}{choice.cache_per}"] * bool(choice.keys or choice.values)
    turned = [f"{name.replace('.', '-')}{value:g}" for name, value in choice.turned.items()]
    read = choice.recipe().calibration
    text = [] if read is None or read == Calibration() else [read.text, str(read.tokens)]
    return [*filter(None, choice.steps.split(",")), *turned, *text, *["sequential"] * bool(text and choice.sequential),
            *cached]  # fmt: skip


def _trained(made: Training) -> str:
    """The steps, and what of the training is not as it comes."""
    usual = Training(made.steps)
    said = [getattr(made, name) for name in ("learn", "loss", "text") if getattr(made, name) != getattr(usual, name)]
    said += [f"seed{made.seed}"] * bool(made.seed) + [f"rate{made.rate:g}"] * (made.rate != RATES[made.learn])
    said += [f"zero{made.decay_steps}"] * bool(made.decay_steps)
    return "-".join([f"trained{made.steps}", *said])


def preparing(lab: Lab, shelf: Shelf, language: Language) -> Action[Choice, Choice, Prepared]:
    """The file of a choice, written where nobody has asked for it yet."""
    return Action(lab, language, lambda choice: choice, lambda choice: prepare(lab, shelf, language, choice), Prepared)


def prepare(lab: Lab, shelf: Shelf, language: Language, choice: Choice) -> Iterator[Prepared]:
    """Progress, then the file: that of an earlier visitor where it is still there."""
    stored = shelf.get(choice.recipe())
    if stored is None:
        quantized = yield from quantizing(lab, language, choice.recipe(), Prepared)
        yield Prepared(html.waiting(t.FILE_WRITING[language]))
        stored = _written(lab, shelf, quantized, choice)
    button = gr.update(visible=True, value=str(stored.path),
                       label=t.FILE_DOWNLOAD.format(size=size(stored.n_bytes, language))[language])  # fmt: skip
    code = CODE.format(name=stored.path.name, prompt=shared_texts.DEFAULT_PROMPT)
    said = gr.update(visible=True, value=f"{t.FILE_CODE[language]}\n\n{code}")
    yield Prepared(result(stored, choice, language), button, said)


def _written(lab: Lab, shelf: Shelf, quantized: LoadedModel, choice: Choice) -> Stored:
    """Put the file on the shelf. Raises ModelError where it cannot be written."""
    recipe = choice.recipe()
    try:
        n_bytes = predicted_bytes(lab.loaded(choice.model), recipe)
        return shelf.put(recipe, file_name(choice), n_bytes, lambda path: save_quantized(quantized, recipe, path))
    except OSError as error:
        raise ModelError(t.FILE_NO_FOLDER.format(reason=error.strerror or str(error))) from error


def result(stored: Stored, choice: Choice, language: Language) -> Markup:
    """That it is there, its name, its checksum and the recipe that it belongs to."""
    ready = t.FILE_READY.format(n=fixed(stored.n_bytes, language, 0))[language]
    lines = ((t.FILE_NAME[language], stored.path.name), ("SHA-256", stored.sha256))
    below = f"{choice.describe()[language]} {t.FILE_KEPT[language]}"
    said = macros("tabs/metrics/metrics.html.j2").ready(ready, html.mark("packed", language), lines)
    return html.belongs(choice.query(), said + html.caption(below), language)


def build_file(place: Place) -> tuple[Follow, Run]:
    """What follows the sidebar, and what the button makes."""
    language = place.language
    gr.Markdown(f"## {t.FILE_TITLE[language]}\n{t.FILE_INTRO[language]}", elem_classes="lab-section")
    plan = gr.HTML(elem_id=f"file-plan-{language}")
    with gr.Row():
        button = gr.Button(t.FILE_PREPARE[language], variant="primary", elem_id=f"prepare-{language}")
        stop = gr.Button(shared_texts.STOP[language], scale=0, min_width=110, elem_id=f"prepare-stop-{language}")
    gr.HTML(html.caption(t.FILE_READERS[language]))
    output = gr.HTML(elem_id=f"file-{language}")
    download = gr.DownloadButton(visible=False, variant="primary", elem_id=f"download-{language}")
    code = gr.Markdown(visible=False, elem_id=f"file-code-{language}")

    def follow(seen: Seen, _: Values) -> Updates:
        return {plan: planned(place.lab, language, seen.choice)}

    action = preparing(place.lab, place.shelf, language)
    run = Run(action, lambda choice, _: choice, (button.click,), (), Outputs(output, download, code), stop)
    return Follow(follow, (plan,)), run
