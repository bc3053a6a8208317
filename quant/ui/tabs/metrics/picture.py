"""Size against quality of the live model, as recorded and as measured in this browser; and measuring seven at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import gradio as gr
from markupsafe import Markup

from quant.evaluation.verdict import Verdict
from quant.lab import Lab
from quant.model.load import EMBEDDED
from quant.plots.tradeoff import Point, ratio_text, tradeoff_svg
from quant.recorded import Recorded
from quant.size import size_report
from quant.text import Language, Text, number, size
from quant.texts import shipped_text
from quant.ui.shared import html
from quant.ui.shared import texts as shared_texts
from quant.ui.shared.action import Action, showing
from quant.ui.shared.frames import Frame, Updates, Values
from quant.ui.shared.glossary import marked
from quant.ui.shared.templates import macros
from quant.ui.sidebar.choice import Choice
from quant.ui.tabs.base import Follow, Place, Run, Seen
from quant.ui.tabs.metrics import picture_texts as t
from quant.ui.tabs.metrics.brief import METRICS, estimate, known
from quant.ui.tabs.metrics.brief_texts import A_PART
from quant.ui.tabs.metrics.history import history_html, recipe_link
from quant.ui.tabs.metrics.kept import OWN, Entry, added, as_kept, choice_of, digest, entry, figures_of, restored
from quant.ui.tabs.metrics.moved import change, change_ends, ratio_of
from quant.work import Progress

QUICK_BYTES = 40_000
SWEPT_BITS, SWEPT_TEXT = tuple(range(8, 1, -1)), "enciclopedia"


@dataclass(frozen=True)
class Swept(Frame):
    """What the outputs of the seven show."""

    picture: str | None = None
    tried: str | None = None
    history: list[dict[str, object]] | None = None


@dataclass(frozen=True)
class Outputs:
    """The components of `Swept`."""

    said: gr.HTML
    picture: gr.HTML
    tried: gr.HTML
    history: gr.BrowserState


@dataclass(frozen=True)
class Shared:
    """What both measurements of this tab write to: the picture, the table, and what the browser keeps."""

    picture: gr.HTML
    tried: gr.HTML
    history: gr.BrowserState


def label_of(choice: Choice) -> Text:
    """A word or two beside a mark; what differs from groups and a float table is added."""
    label = choice.label()
    if choice.has_granularity and choice.granularity != "group":
        label = (t.LABEL_TENSOR if choice.granularity == "tensor" else t.LABEL_CHANNEL).format(label=label)
    return t.LABEL_TABLE.format(label=label) if choice.table else label


def recorded_points(found: Recorded | None) -> list[Point]:
    """The seven recipes that differ in their bits alone."""
    rows = found.by_bits.values() if found else ()
    return [
        Point(label_of(choice_of(r.address)), choice_of(r.address).brief(), r.address, r.bits_per_weight_whole,
              r.stored_bytes, estimate(r.log_ratio), recorded=True, verdict=r.judged)
        for r in rows
    ]  # fmt: skip


def comparable(entries: Sequence[Entry], model: str) -> list[Entry]:
    """What was measured on that model with the very text of its newest measurement: what one axis can hold."""
    of_model = [e for e in entries if e.choice.model == model]
    return [e for e in of_model if e.key == of_model[-1].key]


def measured_points(entries: Sequence[Entry]) -> list[Point]:
    return [
        Point(
            label_of(e.choice),
            e.recipe,
            e.address,
            e.bits_whole,
            e.stored_bytes,
            e.figure("log_ratio"),
            recorded=False,
            verdict=e.judgement.verdict,
        )
        for e in entries
    ]


@lru_cache(maxsize=8)
def part_digest(name: str) -> str:
    """The digest of the part of a shipped text that is read where one does not ask for all of it."""
    return digest(shipped_text(name).part(QUICK_BYTES))


def text_of(entry: Entry) -> Text:
    """What the page calls the text of a measurement, a part told from the whole."""
    part = entry.text != OWN and entry.digest == part_digest(entry.text)
    return A_PART.format(title=entry.title) if part else entry.title


def picture_html(entries: Sequence[Entry], model: str, language: Language) -> Markup:
    """The figure of one model: its key, what it says, and the same as a table; or what would fill it."""
    found, mine = known() if model == EMBEDDED else None, comparable(entries, model)
    again = {e.address for e in mine if found and e.digest == part_digest(found.text_name)}
    recorded = [p for p in recorded_points(found) if p.address not in again]
    points = [*recorded, *measured_points(mine)]
    if not points:
        return html.notice(t.PICTURE_EMPTY.format(model=name_of(model), n=len(SWEPT_BITS))[language], "note")
    original = mine[-1].float_bytes if mine or found is None else found.float_bytes
    table = html.table([h[language] for h in t.PICTURE_HEAD], [_row(p, language) for p in _by_size(points)])
    return (
        macros(METRICS).key(_key(found if recorded else None, mine, language))
        + Markup(tradeoff_svg(points, original, language))
        + html.caption(marked(caption(points)[language], language))
        + html.folded(t.PICTURE_TABLE[language], table)
    )


def name_of(model: str) -> Text:
    return t.BUILT_IN if model == EMBEDDED else Text(model, model)


def _key(found: Recorded | None, mine: Sequence[Entry], language: Language) -> list[tuple[str, str]]:
    """Which mark is what, of which model and on which text."""
    key = [("original", t.KEY_ORIGINAL)]
    if found:
        key.append(("recorded", t.KEY_RECORDED.format(text=A_PART.format(title=found.text_title))))
    if mine:
        key.append(("measured", t.KEY_MEASURED.format(model=name_of(mine[-1].choice.model), text=text_of(mine[-1]))))
    return [(kind, words[language]) for kind, words in key]


def _by_size(points: Sequence[Point]) -> list[Point]:
    return sorted(points, key=lambda p: p.n_bytes, reverse=True)


def caption(points: Sequence[Point]) -> Text:
    """The smallest recipe whose loss is small by all measures, and the largest that is broken."""
    small = [p for p in _by_size(points) if p.verdict in (Verdict.INDISTINGUISHABLE, Verdict.SMALL)]
    broken = [p for p in _by_size(points) if p.verdict is Verdict.BROKEN]
    return t.PICTURE_CAPTION.format(
        small=_said(t.PICTURE_SMALL, small[-1]) if small else t.PICTURE_NONE_SMALL,
        broken=_said(t.PICTURE_BROKEN, broken[0]) if broken else Text("", ""),
    )


def _said(text: Text, point: Point) -> Text:
    moved = round(ratio_of(point.log_ratio).value - 1, 4)
    return text.format(
        name=point.label, size=Text(size(point.n_bytes, "es"), size(point.n_bytes, "en")),
        change=Text(ratio_text(moved, "es"), ratio_text(moved, "en")),
    )  # fmt: skip


def _row(point: Point, language: Language) -> list[str]:
    ratio, kind = ratio_of(point.log_ratio), "recorded" if point.recorded else "measured"
    name = html.spaced(recipe_link(point.address, point.name[language]), html.mark(kind, language))
    moved = html.cell(change(1.0, ratio.value, language), change_ends(ratio, language))
    return [name, number(point.bits, language, 3), size(point.n_bytes, language), moved]


def sweeping(lab: Lab, language: Language) -> Action[tuple[str, object], tuple[str, list[Entry]], Swept]:
    """The seven recipes on the model of that name, after what the browser has kept."""
    return Action(lab, language, lambda asked: (asked[0], restored(asked[1])[0]),
                  lambda ready: sweep(lab, language, *ready), Swept)  # fmt: skip


def sweep(lab: Lab, language: Language, model: str, entries: list[Entry]) -> Iterator[Swept]:
    """One recipe after another; each takes its place in the picture once it is measured."""
    text, n = shipped_text(SWEPT_TEXT).part(QUICK_BYTES), len(SWEPT_BITS)
    for i, bits in enumerate(SWEPT_BITS):
        choice = replace(Choice(model), bits=bits)
        label = t.SWEEPING.format(name=choice.label(), i=i + 1, n=n)

        def frame(step: Progress[Any], i: int = i, label: Text = label) -> Swept:
            return Swept(html.progress(label, (i + step.fraction) / n, language))

        quantized = yield from showing(lab.quantized(choice.recipe()), frame)
        compared = yield from showing(lab.measured(choice.recipe(), text, quantized), frame)
        report = size_report(lab.loaded(model), choice.recipe())
        entries = added(entries, entry(choice, text, figures_of(compared, choice), report))
        said = html.progress(label, (i + 1) / n, language)
        yield Swept(said, picture_html(entries, model, language), history_html(entries, language), as_kept(entries))
    yield Swept(html.notice(t.SWEPT.format(n=n)[language], "note"))


def section(title: str, said: str = "") -> gr.Markdown:
    """The heading of a section of the tab, and its first sentence."""
    return gr.Markdown(f"## {title}\n{said}", elem_classes="lab-section")


def build_picture(place: Place) -> gr.HTML:
    """The section with its figure. The axis changes without a call: both drawings are there, and a style shows one."""
    language = place.language
    with gr.Column(elem_classes="lab-tradeoff"):
        section(t.PICTURE[language], t.PICTURE_INTRO[language])
        gr.Radio(
            [(name[language], key) for key, name in t.PICTURE_UNITS.items()], value="bits",
            label=t.PICTURE_UNIT[language], show_label=False, container=False, elem_classes="lab-unit",
            elem_id=f"unit-{language}", interactive=True,
        )  # fmt: skip
        return gr.HTML(picture_html([], place.lab.default(), language), elem_id=f"tradeoff-{language}")


def picture_follow(picture: gr.HTML, history: gr.BrowserState, language: Language) -> Follow:
    """The picture is of the live model, and of what the browser has kept of it."""

    def show(now: Seen, values: Values) -> Updates:
        return {picture: picture_html(restored(values[history])[0], now.choice.model, language)}

    return Follow(show, (picture,), model=True, own=(history,))


def build_sweep(place: Place, shared: Shared, said: gr.HTML, button: gr.Button, stop: gr.Button) -> Run:
    outputs = Outputs(said, shared.picture, shared.tried, shared.history)
    action = sweeping(place.lab, place.language)
    return Run(action, lambda choice, values: (choice.model, values[shared.history]), (button.click,),
               (shared.history,), outputs, stop)  # fmt: skip


def sweep_buttons(language: Language) -> tuple[gr.HTML, gr.Button, gr.Button]:
    """The button under the picture, its stop, and where it says how far it is."""
    n = len(SWEPT_BITS)
    with gr.Row():
        button = gr.Button(t.SWEEP.format(n=n)[language], min_width=220, elem_id=f"sweep-{language}")
        stop = gr.Button(shared_texts.STOP[language], scale=0, min_width=110, elem_id=f"sweep-stop-{language}")
    said = gr.HTML(html.caption(t.SWEEP_SAID[language]), elem_id=f"swept-{language}")
    return said, button, stop
