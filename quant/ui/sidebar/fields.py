"""The one table of what the sidebar holds.

`Fields` is that table, one attribute a row. From it follow the choice, the controls and when they are seen, the address
and the simple parameters of the endpoints; a new field is a new row here, and what it means is said in `Choice.recipe`.
The order of the rows is that of the address. A row never says what a recipe is: this module makes none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any

from quant.activations import ACTIVATIONS as KINDS
from quant.cache import CACHE_BITS
from quant.lab import Lab
from quant.methods import METHODS, TRANSFORMS
from quant.model.load import EMBEDDED
from quant.model.source import DEFAULT_HUB_ID
from quant.recipe import Calibration
from quant.text import Language, Text
from quant.texts import CALIBRATION_TEXTS, CALIBRATION_TITLES
from quant.ui.sidebar import texts as t
from quant.ui.sidebar.formats import CHOSEN_FORMATS, INTEGER, format_choices, format_info
from quant.ui.sidebar.kinds import Field, OneOf, Slide, Tick, Unseen, named, numbered, of
from quant.ui.sidebar.knobs import read_knobs, short_title
from quant.ui.sidebar.mixed import check_mix
from quant.ui.sidebar.offers import VARIANTS, step_names
from quant.ui.sidebar.together import (
    fitting_methods,
    has_activations,
    has_bits,
    has_granularity,
    has_groups,
    has_methods,
    has_plain_grid,
    has_siblings,
    reads_text,
    siblings,
    slides_bits,
)
from quant.ui.sidebar.trained import check_training

GRANULARITIES = tuple(t.GRANULARITIES)
GROUP_SIZES = (16, 32, 64, 128, 256)
ACTIVATIONS = tuple(KINDS)
CALIBRATION_TOKENS = tuple(2**n for n in range(7, 17))
CACHE_GROUPS = (0, 16, 32, 64)
CONTEXTS = (0, 512, 1024, 4096, 32_768, 131_072)
# The folded sections of the drawer, from the top.
METHOD, INPUTS, CACHE = "method", "activations", "cache"
SECTIONS = (METHOD, INPUTS, CACHE)


def model_titles(lab: Lab, language: Language) -> list[tuple[str, Any]]:
    """The models that can be chosen now."""
    known = {EMBEDDED: t.MODEL_EMBEDDED[language], DEFAULT_HUB_ID: t.MODEL_HUB[language]}
    return [(known.get(name, name.rstrip("/").rpartition("/")[2]), name) for name in lab.names()]


N = Text("{n}", "{n}")


@dataclass(frozen=True)
class Fields:
    """The table, and the values that the sidebar holds. The model has no default: only the lab knows it.

    The first eight rows are those of version 0.1.0, whose addresses say them all.
    """

    model: str = of(OneOf((), model_titles, stacked=True), t.MODEL, 8, quiet=False)
    bits: int = of(Slide(2, 8), t.BITS, 0, 4, visible=slides_bits, info=lambda _: t.BITS_INFO, quiet=False)
    granularity: str = of(
        OneOf(GRANULARITIES, named(t.GRANULARITIES), t.BAD_GRANULARITY, stacked=True), t.GRANULARITY, 3, "group",
        visible=has_granularity, decides=True, info=lambda _: t.GRANULARITY_INFO, quiet=False,
    )  # fmt: skip
    group: int = of(
        OneOf(GROUP_SIZES, lambda *_: [(str(size), size) for size in GROUP_SIZES]), t.GROUP_SIZE, 4, 64,
        visible=has_groups, parameter="group_size", quiet=False,
    )  # fmt: skip
    zero_point: bool = of(
        OneOf(tuple(t.GRIDS), named(t.GRIDS), stacked=True), t.GRID, 5, False, visible=has_plain_grid,
        info=lambda _: t.GRID_INFO, quiet=False,
    )  # fmt: skip
    table: bool = of(Tick(), t.TABLE, 7, False, of_matrix=False, quiet=False)
    format: str = of(
        OneOf(CHOSEN_FORMATS, lambda _, language: format_choices(language), t.BAD_FORMAT, listed=True), t.FORMAT, 2,
        INTEGER, info=format_info, decides=True, visible=has_siblings, fitting=siblings, quiet=False,
    )  # fmt: skip
    activations: str = of(
        OneOf(ACTIVATIONS, lambda _, language: activation_titles(language), t.BAD_ACTIVATIONS, stacked=True),
        t.ACTIVATIONS_LABEL, 6, "float", info=lambda _: t.ACTIVATIONS_INFO, decides=True, visible=has_activations,
        of_matrix=False, section=INPUTS, quiet=False,
    )  # fmt: skip
    method: str = of(
        OneOf(("", *METHODS), lambda _, language: method_titles(language), t.BAD_METHOD, listed=True), t.METHOD, 2, "",
        visible=has_methods, info=lambda name: method_info(name), decides=True,
        fitting=lambda choice: ("", *fitting_methods(choice)), section=METHOD,
    )  # fmt: skip
    grid: str = of(
        OneOf(VARIANTS, lambda _, language: [(t.VARIANTS[name][language], name) for name in VARIANTS], t.BAD_GRID,
              listed=True),
        t.VARIANT, 9, "", visible=has_bits, info=lambda _: t.VARIANT_INFO, decides=True, section=METHOD,
    )  # fmt: skip
    steps: str = of(
        OneOf(step_names(), lambda _, language: step_titles(language), t.BAD_STEPS, listed=True), t.STEPS, 4, "",
        info=lambda name: steps_info(name), decides=True, section=METHOD,
    )  # fmt: skip
    knobs: str = of(Unseen(read_knobs), t.KNOBS, 3, "")
    calibration: str = of(
        OneOf(CALIBRATION_TEXTS, named(CALIBRATION_TITLES), t.BAD_CALIBRATION, listed=True), t.CALIBRATION, 6,
        Calibration.text, visible=reads_text, section=METHOD,
    )  # fmt: skip
    tokens: int = of(
        OneOf(CALIBRATION_TOKENS, numbered(CALIBRATION_TOKENS, {}, N), listed=True), t.TOKENS, 7, Calibration.tokens,
        visible=reads_text, info=lambda _: t.TOKENS_INFO, section=METHOD,
    )  # fmt: skip
    sequential: bool = of(Tick(), t.SEQUENTIAL, 8, Calibration.sequential, visible=reads_text, section=METHOD)
    keys: int = of(
        OneOf((0, *CACHE_BITS), numbered((0, *CACHE_BITS), t.CACHE_BITS, N), t.BAD_CACHE_BITS, listed=True), t.KEYS, 0,
        0, of_matrix=False, section=CACHE,
    )  # fmt: skip
    values: int = of(
        OneOf((0, *CACHE_BITS), numbered((0, *CACHE_BITS), t.CACHE_BITS, N), t.BAD_CACHE_BITS, listed=True), t.VALUES,
        1, 0, of_matrix=False, section=CACHE,
    )  # fmt: skip
    cache_per: str = of(
        OneOf(tuple(t.CACHE_PERS), named(t.CACHE_PERS), t.BAD_CACHE_PER, stacked=True), t.CACHE_PER, 2, "token",
        of_matrix=False, section=CACHE,
    )  # fmt: skip
    cache_group: int = of(
        OneOf(CACHE_GROUPS, numbered(CACHE_GROUPS, {0: t.CACHE_GROUP_USUAL}, N), t.BAD_CACHE_GROUP, listed=True),
        t.CACHE_GROUP, 3, 0, of_matrix=False, section=CACHE,
    )  # fmt: skip
    mix: str = of(Unseen(check_mix), t.MIX, 11, "")
    training: str = of(Unseen(check_training), t.TRAINING, 10, "")
    context: int = of(
        OneOf(CONTEXTS, numbered(CONTEXTS, {0: t.CONTEXT_OWN}, t.CONTEXT_TOKENS), listed=True), t.CONTEXT, 4, 0,
        of_matrix=False, section=CACHE, of_recipe=False,
    )  # fmt: skip


def activation_titles(language: Language) -> list[tuple[str, Any]]:
    return [(activation_title(name)[language], name) for name in ACTIVATIONS]


def activation_title(name: str) -> Text:
    return t.ACTIVATIONS_KINDS.get(name, Text(name, name))


def step_titles(language: Language) -> list[tuple[str, Any]]:
    """What can be done first, by the names of the transforms."""
    return [(steps_title(names)[language], names) for names in step_names()]


def steps_title(names: str) -> Text:
    titles = [short_title(TRANSFORMS[name].title) for name in names.split(",") if name]
    return Text(" + ".join(x.es for x in titles), " + ".join(x.en for x in titles)) if titles else t.STEPS_NONE


def steps_info(names: str) -> Text:
    """What the transforms do, or what any does."""
    said = [TRANSFORMS[name].summary for name in names.split(",") if name in TRANSFORMS] or [t.STEPS_INFO]
    return Text(" ".join(x.es for x in said), " ".join(x.en for x in said))


def method_titles(language: Language) -> list[tuple[str, Any]]:
    """The methods by name, after the one that each format is meant for."""
    return [(t.METHOD_OWN[language], ""), *((method.title[language], name) for name, method in METHODS.items())]


def method_info(name: str) -> Text:
    return METHODS[name].summary if name in METHODS else t.METHOD_INFO


def _field(name: str, default: Any, row: Mapping[str, Any]) -> Field:
    return Field(**{**row, "name": name, "default": default, "parameter": row["parameter"] or name})


FIELDS = tuple(_field(f.name, EMBEDDED if f.default is MISSING else f.default, f.metadata) for f in fields(Fields))
