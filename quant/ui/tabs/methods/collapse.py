"""Why did it collapse? The layer, the channel and the block where the live recipe loses, and what each fix recovers."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import gradio as gr
import plotly.graph_objects as go
from markupsafe import Markup

from quant.errors import QuantError
from quant.evaluation.collapse import OUTLIER, Collapse, ErrorMap, LayerLoss, collapse_steps
from quant.evaluation.figures import Estimate, figures
from quant.evaluation.fixes import WORST_FLOAT, Fix, fixes
from quant.evaluation.methods import by_document, difference
from quant.lab import Lab
from quant.plots.collapse import depth_figure, error_figure
from quant.recipe import Calibration, Recipe
from quant.size import size_report
from quant.text import Language, Text, number, size
from quant.texts import shipped_text
from quant.ui.shared import html
from quant.ui.shared import texts as shared_texts
from quant.ui.shared.action import Action, quantizing, showing
from quant.ui.shared.frames import Frame
from quant.ui.shared.glossary import marked
from quant.ui.shared.layer_names import layer_title
from quant.ui.sidebar.choice import Choice, query_of
from quant.ui.tabs.base import Built, Place, Run
from quant.ui.tabs.methods import collapse_texts as t
from quant.ui.tabs.metrics.history import recipe_link
from quant.ui.tabs.metrics.picture import QUICK_BYTES, section

TEXT = "enciclopedia"
READ = Calibration(tokens=2048)
LISTED = 8  # layers in sight
HARDLY = 10.0  # percent: less than that recovers hardly anything


@dataclass(frozen=True)
class Shown(Frame):
    """Everything the section shows."""

    losses: str | None = None
    map: go.Figure | None = None
    map_caption: str | None = None
    depth: go.Figure | None = None
    depth_caption: str | None = None
    fixes: str | None = None
    pictures: object = None


@dataclass(frozen=True)
class Outputs:
    """The components of `Shown`."""

    said: gr.HTML
    losses: gr.HTML
    map: gr.Plot
    map_caption: gr.HTML
    depth: gr.Plot
    depth_caption: gr.HTML
    fixes: gr.HTML
    pictures: gr.Row


@dataclass(frozen=True)
class Tried:
    """A fix that was measured, or why it could not be. kl_sums, tokens: as those of `quant.evaluation.methods.Row`."""

    name: Text
    recipe: Recipe
    stored_bytes: int = 0
    kl: Estimate | None = None
    kl_sums: tuple[float, ...] | None = None
    tokens: tuple[float, ...] | None = None
    refused: Text | None = None


def looking(lab: Lab, language: Language) -> Action[Choice, Choice, Shown]:
    """Both models read, then the fixes are tried one after another."""

    def check(choice: Choice) -> Choice:
        size_report(lab.loaded(choice.model), choice.recipe())
        return choice

    return Action(lab, language, check, lambda choice: look(lab, language, choice), Shown)


def look(lab: Lab, language: Language, choice: Choice) -> Iterator[Shown]:
    """Pictures first, then a row for each fix as soon as it is measured."""
    recipe, loaded = choice.recipe(), lab.loaded(choice.model)
    quantized = yield from quantizing(lab, language, recipe, Shown)
    found = yield from showing(
        collapse_steps(loaded, quantized, READ),
        lambda step: Shown(html.progress(t.READING, step.fraction, language)),
    )
    if not any(math.isfinite(db) for db in found.depth_db):
        yield Shown(html.belongs(choice.query(), html.notice(t.NOTHING_LOST[language], "note"), language))
        return
    pictures = _pictures(found, language)
    said = html.verdict(marked(_said(found, language), language))
    yield pictures
    rows: list[Tried] = []
    todo = [Fix(t.AS_IT_IS, recipe), *fixes(recipe, found.worst.layer if found.worst else None, READ)]
    for i, fix in enumerate(todo):
        label = t.TRYING.format(name=fix.name, i=i + 1, n=len(todo))
        rows.append((yield from _tried(lab, language, fix, label, (i, len(todo)))))
        bar = html.progress(label, (i + 1) / len(todo), language)
        yield Shown(said + bar, fixes=html.belongs(choice.query(), _fixes(rows, language), language))
    yield Shown(html.belongs(choice.query(), said + _best(rows, language), language))


def _tried(lab: Lab, language: Language, fix: Fix, label: Text, place: tuple[int, int]
           ) -> Generator[Shown, None, Tried]:  # fmt: skip
    """One fix, measured; a fix that this model cannot have is a row that says why."""

    def frame(fraction: float) -> Shown:
        return Shown(html.progress(label, (place[0] + fraction) / place[1], language))

    text, loaded = shipped_text(TEXT).part(QUICK_BYTES), lab.loaded(fix.recipe.model)
    try:
        report = size_report(loaded, fix.recipe)
        quantized = yield from showing(lab.quantized(fix.recipe), lambda step: frame(0.5 * step.fraction))
        compared = yield from showing(
            lab.measured(fix.recipe, text, quantized), lambda step: frame(0.5 + 0.5 * step.fraction)
        )
    except QuantError as error:
        return Tried(fix.name, fix.recipe, refused=error.text)
    return Tried(fix.name, fix.recipe, report.stored_bytes, figures(compared).kl_mean, *by_document(compared))


# ---- what is said


def _pictures(found: Collapse, language: Language) -> Shown:
    seen = gr.update(visible=True)
    losses = _losses(found, language)
    depth = depth_figure(found.depth_db, language)
    said = html.verdict(marked(_said(found, language), language))
    if found.worst is None:
        return Shown(said, losses, depth=depth, depth_caption=html.caption(t.DEPTH_CAPTION[language]), pictures=seen)
    return Shown(said, losses, error_figure(found.worst, language), html.caption(_of_map(found.worst, language)),
                 depth, html.caption(t.DEPTH_CAPTION[language]), pictures=seen)  # fmt: skip


def _said(found: Collapse, language: Language) -> str:
    parts = [_parted(found.depth_db, language)]
    if found.losses:
        worst = found.ranked[0]
        share = number(100 * 10 ** (worst.loss_db / 10), language, 2)
        layer, db = layer_title(worst.layer, language), number(worst.loss_db, language, 2)
        parts.insert(0, t.VERDICT.format(layer=layer, share=share, db=db)[language])
    return " ".join(parts)


def _parted(depth_db: Sequence[float], language: Language) -> str:
    steps = [after - before for before, after in pairwise(depth_db)]
    worse: Text | str = ""
    if steps and max(steps) > 0:
        block = steps.index(max(steps)) + 2
        worse = t.WORSE.format(block=block, by=number(max(steps), language, 2))
    start, end = (number(db, language, 2) for db in (depth_db[0], depth_db[-1]))
    return t.PARTED.format(first=1, start=start, end=end, worse=worse)[language]


def _losses(found: Collapse, language: Language) -> Markup:
    rows = [_loss(one, language) for one in found.ranked]
    head = [h[language] for h in t.LOSSES_HEAD]
    shown = html.table(head, rows[:LISTED])
    if len(rows) > LISTED:
        shown += html.folded(t.ALL_LAYERS[language], html.table(head, rows[LISTED:]))
    return shown


def _loss(one: LayerLoss, language: Language) -> list[str]:
    share = number(100 * 10 ** (one.loss_db / 10), language, 2)
    said = f"{number(one.loss_db, language, 2)} dB"
    return [layer_title(one.layer, language), html.cell(said, f"{share}{html.percent_sign(language)}")]


def _of_map(found: ErrorMap, language: Language) -> str:
    ratio = found.outlier_ratio
    outlier = (t.OUTLIER if ratio >= OUTLIER else t.NO_OUTLIER).format(ratio=number(ratio, language, 2))
    share, inputs = found.worst_share, found.layer.matrix[1]
    return t.MAP_CAPTION.format(
        channel=found.worst_input, share=number(100 * share, language, 2), fair=number(share * inputs, language, 2),
        outlier=outlier,
    )[language]  # fmt: skip


def _fixes(rows: Sequence[Tried], language: Language) -> Markup:
    head = [h[language] for h in t.FIXES_HEAD]
    text = shipped_text(TEXT).title
    shown = html.table(head, [_fix(row, rows[0], language) for row in rows])
    return html.heading(3, t.FIXES[language]) + shown + html.caption(t.FIXES_CAPTION.format(text=text)[language])


def _fix(row: Tried, first: Tried, language: Language) -> list[str]:
    address = query_of(row.recipe)
    name = recipe_link(address, row.name[language]) if address else row.name[language]
    if row.kl is None or first.kl is None:
        return [name, "—", html.small(t.REFUSED.format(why=row.refused or Text("", ""))[language]), "—"]
    low_high = ""
    if row.kl.interval:
        low_high = "–".join(number(end, language, 3) for end in (row.kl.interval.low, row.kl.interval.high))
    recovers = "—" if row is first else _recovers(row, first)[language]
    return [name, size(row.stored_bytes, language), html.cell(number(row.kl.value, language, 3), low_high), recovers]


def _share(row: Tried, first: Tried) -> float:
    """How much of the KL of `first` is gone in `row`, in percent."""
    assert row.kl, "it was measured"
    assert first.kl, "it was measured"
    return 100 * (1 - row.kl.value / first.kl.value) if first.kl.value else 0.0


def _recovers(row: Tried, first: Tried) -> Text:
    """`_share` in words, unless chance alone could give it."""
    return t.SAME if _alike(row, first) else t.PERCENT.format(share=_number(_share(row, first), 2))


def _alike(a: Tried, b: Tried) -> bool:
    """Whether two cannot be told apart, paired; where nothing is known of their documents, nothing is said."""
    interval = difference(a, b)
    return interval is not None and interval.low <= 0 <= interval.high


def _number(value: float, digits: int) -> Text:
    return Text(number(value, "es", digits), number(value, "en", digits))


def _best(rows: Sequence[Tried], language: Language) -> Markup:
    """What recovers most, and what ties with it; and where that is not the one layer that loses most."""
    known = [(row, row.kl.value) for row in rows if row.kl is not None]
    if len(known) < 2:
        return html.NOTHING
    first, before = known[0]
    said = [t.SPREAD.format(share=_recovers(row, first)) for row, _ in known
            if row.name == WORST_FLOAT and _share(row, first) < HARDLY]  # fmt: skip
    better = [(row, kl) for row, kl in known if kl < before and not _alike(row, first)]
    if better:
        best, after = min(better, key=lambda pair: pair[1])
        ties = _ties([row for row, _ in known if row is not best and _alike(row, best)])
        said.append(t.FIXED.format(
            name=best.name, ties=ties, before=_number(before, 3), after=_number(after, 3),
            size=Text(size(best.stored_bytes, "es"), size(best.stored_bytes, "en")),
        ))  # fmt: skip
    else:
        said.append(t.NONE_BETTER)
    return html.paragraph(" ".join(text[language] for text in said))


def _ties(rows: Sequence[Tried]) -> Text:
    if not rows:
        return Text("", "")
    names = [t.QUOTED.format(name=row.name) for row in rows]
    return t.TIES.format(names=Text(", ".join(n.es for n in names), ", ".join(n.en for n in names)))


# ---- the section


def build_collapse(place: Place) -> Built:
    language = place.language
    section(t.TITLE[language], t.INTRO.format(tokens=number(READ.tokens, language))[language])
    with gr.Row():
        button = gr.Button(t.LOOK[language], variant="primary", scale=0, min_width=220, elem_id=f"why-{language}")
        stop = gr.Button(shared_texts.STOP[language], scale=0, min_width=110, elem_id=f"why-stop-{language}")
    said = gr.HTML(html.notice(t.EMPTY[language], "note"), elem_id=f"why-said-{language}")
    with gr.Row(visible=False) as pictures:
        with gr.Column(min_width=320):
            gr.Markdown(f"### {t.MAP[language]}")
            error, error_caption = gr.Plot(show_label=False), gr.HTML()
            gr.Markdown(f"### {t.DEPTH[language]}")
            depth, depth_caption = gr.Plot(show_label=False), gr.HTML()
        with gr.Column(min_width=320):
            gr.Markdown(f"### {t.LOSSES[language]}")
            losses = gr.HTML()
    tried = gr.HTML(elem_id=f"why-fixes-{language}")
    outputs = Outputs(said, losses, error, error_caption, depth, depth_caption, tried, pictures)
    run = Run(looking(place.lab, language), lambda choice, _: choice, (button.click,), (), outputs, stop)
    return Built(runs=(run,))
