"""Métodos, keys and values: bytes at once, what each pair of bits loses as recorded, and a few pairs measured live."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr
from markupsafe import Markup

from quant.cache import CACHE_BITS, CachePer, cache_scheme
from quant.errors import ModelError, QuantError
from quant.evaluation.cache import TEXT_BYTES, cache_error, cache_text
from quant.evaluation.figures import Estimate, figures
from quant.lab import Lab
from quant.quantization import check_float
from quant.recipe import Recipe, Rule
from quant.recorded_cache import Cell, RecordedCache, recorded_cache
from quant.run.probe import check_cache
from quant.size import CacheSize, cache_bytes, size_report
from quant.text import Language, Text, fixed, number, size
from quant.texts import EvalText
from quant.ui.shared import glossary, html
from quant.ui.shared import texts as shared_texts
from quant.ui.shared.action import Action, showing
from quant.ui.shared.frames import Frame, Updates, Values, updates
from quant.ui.shared.templates import macros
from quant.ui.sidebar.choice import Choice
from quant.ui.tabs.base import Built, Follow, Place, Run, Seen
from quant.ui.tabs.methods import cache_texts as t
from quant.work import Progress

CACHE = "tabs/methods/cache.html.j2"
LEAST_CONTEXT, MOST_CONTEXT, STEP = 32, 8192, 32
KB = TEXT_BYTES // 1000
FAINT, FULL = 1e-4, 1.0  # nats: no shade, and all of it
MOST_SHADE = 55  # percent: more, and the number could not be read


@dataclass(frozen=True)
class Pair:
    """Bits of keys and values, and what shares a scale."""

    keys: int
    values: int
    per: str = CachePer.TOKEN.value

    @property
    def query(self) -> str:
        """What loads it into the recipe."""
        return f"keys={self.keys}&values={self.values}&cache_per={self.per}"

    @property
    def name(self) -> Text:
        name = t.NAME if self.per == CachePer.TOKEN.value else t.NAME_CHANNEL
        return name.format(k=self.keys, v=self.values)

    def recipe(self, model: str) -> Recipe:
        """The cache alone, the weights in float."""
        return Recipe((Rule("linear:*"),), model, cache=cache_scheme(self.keys, self.values, self.per))


MEASURED = (Pair(8, 4), Pair(4, 8), Pair(4, 4), Pair(4, 4, "channel"))


@dataclass(frozen=True)
class Shown(Frame):
    """What follows the controls: bytes above, then the table and its sentences."""

    table: str


@dataclass(frozen=True)
class Outputs:
    """The components of `Shown`."""

    said: gr.HTML
    table: gr.HTML


@dataclass(frozen=True)
class Answer:
    """The component of a `Frame`."""

    said: gr.HTML


# ---- at once


def show(lab: Lab, language: Language, choice: Choice, pair: Pair, context: int) -> Shown:
    """Bytes for the live model, and what was recorded of the built-in one."""
    try:
        above = sizes(lab, language, choice, pair, context)
    except QuantError as error:
        above = html.problem(error, language)
    try:
        return Shown(above, table(recorded_cache(), pair, language))
    except ModelError as error:
        return Shown(above, html.problem(error, language))


def sizes(lab: Lab, language: Language, choice: Choice, pair: Pair, context: int) -> Markup:
    """Tiles: keys, values, both, and the weights beside them. Raises QuantError."""
    loaded, recipe = lab.loaded(choice.model), pair.recipe(choice.model)
    assert recipe.cache, "each side has bits"
    check_cache(loaded, recipe.cache)
    found, weights = cache_bytes(loaded, recipe, context), size_report(loaded, choice.recipe()).stored_bytes
    times = number(weights / found.stored_bytes, language, 2)
    mark, packed = html.mark("simulated", language), html.mark("packed", language)
    half = _floats(found.float_bytes // 2, language)
    cards = html.cards([
        (html.spaced(mark, t.CARDS["keys"][language]), size(found.keys_bytes, language), half),
        (html.spaced(mark, t.CARDS["values"][language]), size(found.values_bytes, language), half),
        (html.spaced(mark, t.CARDS["both"][language]), size(found.stored_bytes, language), _both(found, language)),
        (html.spaced(packed, t.CARDS["weights"][language]), size(weights, language),
         t.AGAINST.format(times=times)[language]),
    ])  # fmt: skip
    said = html.caption(t.PER_SAID[pair.per][language])
    if context > loaded.context:
        said += html.caption(t.BEYOND.format(context=number(loaded.context, language))[language])
    return cards + html.legend(("simulated", "packed"), language) + said


def _floats(n_bytes: int, language: Language) -> str:
    return t.FLOATS.format(size=size(n_bytes, language))[language]


def _both(found: CacheSize, language: Language) -> str:
    half, whole = size(found.half_bytes, language), size(found.float_bytes, language)
    return t.BOTH_FLOATS.format(half=half, size=whole)[language]


# ---- recorded


def table(found: RecordedCache, pair: Pair, language: Language) -> Markup:
    """All pairs of bits as recorded, the chosen one and those of its bytes marked, and what they say."""
    chosen = found.cell(pair.keys, pair.values, pair.per)
    rows = [
        (k, [_cell(found.cell(k, v, pair.per), chosen, language) for v in CACHE_BITS]) for k in CACHE_BITS
    ]  # fmt: skip
    keys = [t.KEY_CHOSEN[language], t.KEY_EQUAL[language]]
    said = [text[language] for text in sentences(found, pair)]
    where = html.spaced(html.mark("recorded", language), t.EMBEDDED_ONLY.format(kb=KB)[language])
    words = html.NOTHING.join(html.caption(glossary.marked(s, language)) for s in said[1:])
    links = macros(CACHE).tries(t.TRY[language], [(query, name[language]) for query, name in t.TRIES.items()])
    beside = words + html.caption(where) + links
    heat: Markup = macros(CACHE).table(t.TABLE[language], t.CORNER[language], CACHE_BITS, rows, keys, beside)
    return html.verdict(said[0]) + heat


def _cell(cell: Cell, chosen: Cell, language: Language) -> tuple[str, str, str, str, str, str]:
    equal = cell.stored_bytes == chosen.stored_bytes
    css, sign = ("chosen", "▣") if cell == chosen else ("equal", "=") if equal else ("", "")
    share = math.log(max(cell.kl, FAINT) / FAINT) / math.log(FULL / FAINT)
    kl = number(cell.kl, language, 2) if cell.kl >= FAINT else t.ALMOST[language]
    label = t.CELL.format(k=cell.keys, v=cell.values, kl=kl)[language]
    query = Pair(cell.keys, cell.values, cell.per).query
    return query, f"{MOST_SHADE * min(share, 1):.0f}", css, sign, kl, label


def sentences(found: RecordedCache, pair: Pair) -> list[Text]:
    """What the table says of the chosen pair: the bits the other way round, decibels beside nats, the other scales."""
    said, low = [_swapped(found, pair)], min(pair.keys, pair.values)
    if low < max(CACHE_BITS):
        both = found.cell(low, low, pair.per)
        keys, values = found.cell(low, 16, pair.per), found.cell(16, low, pair.per)
        words = t.DISAGREE if (both.keys_db > both.values_db) and keys.kl > values.kl else t.AGREE
        said.append(words.format(k=low, kdb=_db(both.keys_db), vdb=_db(both.values_db)))
        token, channel = (found.cell(pair.keys, pair.values, per.value) for per in CachePer)
        if channel.kl < token.kl:
            said.append(_by_channel(found, pair, token, channel))
    return said


def _by_channel(found: RecordedCache, pair: Pair, token: Cell, channel: Cell) -> Text:
    more = channel.stored_bytes - token.stored_bytes
    sizes = Text(size(more, "es"), size(more, "en"))
    return t.CHANNEL_GAIN.format(
        k=pair.keys, v=pair.values, more=sizes, a=_two(token.kl), b=_two(channel.kl), whose=_gaining(found, pair)
    )


def _gaining(found: RecordedCache, pair: Pair) -> Text:
    """Which side gains from a scale for each channel, told by cells where it alone is rounded."""
    keys, values = (
        [found.cell(*bits, per.value).kl for per in CachePer] for bits in ((pair.keys, 16), (16, pair.values))
    )
    by_keys = keys[0] - keys[1] > values[0] - values[1]
    if 16 in (pair.keys, pair.values):
        words = t.GAIN_KEYS_ONLY if by_keys else t.GAIN_VALUES_ONLY
    else:
        words = t.GAIN_KEYS if by_keys else t.GAIN_VALUES
    figures = dict(zip(("ka", "kb", "va", "vb"), map(_two, (*keys, *values)), strict=True))
    return words.format(why=t.GAIN_WHY, **figures)


def _swapped(found: RecordedCache, pair: Pair) -> Text:
    k, v, per = pair.keys, pair.values, pair.per
    if k == v == max(CACHE_BITS):
        return t.FINE.format(a=_two(found.cell(k, v, per).kl))
    words, pairs = (t.SWAPPED, ((k, v), (v, k))) if k != v else (t.ALONE, ((k, 16), (16, k)))
    a, b = (found.cell(*bits, per).kl for bits in pairs)
    factor, word = _two(max(a / b, b / a)), t.MORE if b > a else t.LESS
    said = words.format(k=k, v=v, a=_two(a), b=_two(b), factor=factor, word=word)
    keys_cost_more = (a > b) is (k < v or k == v)
    return Text(said.es + t.SPEND_KEYS.es, said.en + t.SPEND_KEYS.en) if keys_cost_more else said


def _two(value: float) -> Text:
    return Text(number(value, "es", 2), number(value, "en", 2))


def _db(value: float) -> Text:
    return Text(fixed(value, "es", 1), fixed(value, "en", 1))


# ---- live


def measuring(lab: Lab, language: Language) -> Action[tuple[str, int], tuple[str, int], Frame]:
    """A few pairs on the model of that name; what somebody has measured already comes at once."""

    def check(asked: tuple[str, int]) -> tuple[str, int]:
        loaded, scheme = lab.loaded(asked[0]), MEASURED[-1].recipe(asked[0]).cache
        assert scheme, "it has bits"
        check_float(loaded)
        check_cache(loaded, scheme)
        return asked

    return Action(lab, language, check, lambda ready: measure(lab, language, *ready), Frame)


def measure(lab: Lab, language: Language, model: str, context: int) -> Iterator[Frame]:
    """One pair after another; each has its row once it is measured, and keeps it where this is stopped."""
    text, n = cache_text(), len(MEASURED)
    rows: list[list[str]] = []
    for i, pair in enumerate(MEASURED):
        label = t.MEASURING.format(name=pair.name, i=i + 1, n=n)

        def frame(step: Progress[Any], i: int = i, label: Text = label) -> Frame:
            return Frame(html.progress(label, (i + step.fraction) / n, language) + _rows(rows, language))

        recipe = pair.recipe(model)
        quantized = yield from showing(lab.quantized(recipe), frame)
        compared = yield from showing(lab.measured(recipe, text, quantized), frame)
        rows.append(_row(lab, recipe, pair, context, figures(compared).kl_mean, text, language))
    yield Frame(_rows(rows, language))


def _row(lab: Lab, recipe: Recipe, pair: Pair, context: int, kl: Estimate, text: EvalText, language: Language
         ) -> list[str]:  # fmt: skip
    loaded, scheme = lab.loaded(recipe.model), recipe.cache
    assert scheme, "each side has bits"
    error, n_bytes = cache_error(loaded, scheme, text), cache_bytes(loaded, recipe, context).stored_bytes
    shown = number(kl.value, language, 3)
    if kl.interval:
        shown = html.cell(shown, f"{number(kl.interval.low, language, 3)} – {number(kl.interval.high, language, 3)}")
    link = macros(CACHE).link(pair.query, pair.name[language])
    name = html.row_name(link, html.mark("measured", language), "")
    decibels = [fixed(db, language, 1) for db in (error.keys_db, error.values_db)]
    return [name, size(n_bytes, language), shown, *decibels]


def _rows(rows: list[list[str]], language: Language) -> Markup:
    if not rows:
        return html.NOTHING
    return html.table([head[language] for head in t.HEAD], rows) + html.legend(("measured",), language)


# ---- the section


def build_cache(place: Place) -> Built:
    lab, language = place.lab, place.language
    gr.Markdown(f"## {t.TITLE[language]}", elem_classes="lab-section", elem_id=f"cache-{language}")
    glossary.prose(t.INTRO[language], language)
    bits = [(str(b), b) for b in CACHE_BITS]
    with gr.Row():
        keys = gr.Radio(bits, value=8, label=t.KEYS[language], elem_id=f"kv-keys-{language}", min_width=280)
        values = gr.Radio(bits, value=4, label=t.VALUES[language], elem_id=f"kv-values-{language}", min_width=280)
    with gr.Row():
        pers = [(name[language], per) for per, name in t.PERS.items()]
        per = gr.Radio(pers, value="token", label=t.PER[language], elem_id=f"kv-per-{language}", min_width=280)
        context = gr.Slider(LEAST_CONTEXT, MOST_CONTEXT, 512, step=STEP, label=t.CONTEXT[language], buttons=[],
                            elem_id=f"kv-context-{language}", min_width=280)  # fmt: skip
    outputs = Outputs(gr.HTML(elem_id=f"kv-sizes-{language}"), gr.HTML(elem_id=f"kv-table-{language}"))
    with gr.Row():
        button = gr.Button(t.MEASURE[language], min_width=220, elem_id=f"kv-measure-{language}")
        stop = gr.Button(shared_texts.STOP[language], scale=0, min_width=110, elem_id=f"kv-stop-{language}")
    answer = Answer(gr.HTML(html.caption(t.MEASURE_SAID.format(kb=KB)[language]), elem_id=f"kv-measured-{language}"))

    def follow(seen: Seen, now: Values) -> Updates:
        pair = Pair(now[keys], now[values], now[per])
        return updates(show(lab, language, seen.choice, pair, int(now[context])), outputs)

    run = Run(measuring(lab, language), lambda choice, now: (choice.model, int(now[context])), (button.click,),
              (context,), answer, stop)  # fmt: skip
    own = (keys, values, per, context)
    return Built(follows=(Follow(follow, (outputs.said, outputs.table), own=own),), runs=(run,))
