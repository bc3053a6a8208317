"""The page's callbacks, called as functions: no server, no browser."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import torch
from cases import each

from quant.errors import PromptError
from quant.evaluation.weights import weight_view
from quant.generation import Step
from quant.lab import Lab
from quant.scheme import PerTensor, Scheme
from quant.size import size_report
from quant.text import Language, number
from quant.ui.shared import html
from quant.ui.shared.layer_names import layer_choices
from quant.ui.sidebar.choice import Choice
from quant.ui.sidebar.formats import CHOSEN_FORMATS
from quant.ui.sidebar.offers import TABLES
from quant.ui.sidebar.status import about, about_table, status_line
from quant.ui.tabs.metrics.measure import Asked as Measurement
from quant.ui.tabs.metrics.measure import measuring
from quant.ui.tabs.start.picture import picture
from quant.ui.tabs.text.sampling import Settings
from quant.ui.tabs.text.write import Asked, columns, writing
from quant.ui.tabs.weights.tab import _occupancy_caption, show, shown_or_problem

SETTINGS = (24, 2, False, 0.7, 50, 0.95, 0)
LAYER = "transformer.h.0.mlp.c_fc"
LANGUAGES: tuple[Language, Language] = ("es", "en")
# Of over ten windows of the tiny model: enough for intervals.
OWN = "El tren paró en mitad del llano, y los viajeros se asomaron a ver qué ocurría en la vía. " * 24


@pytest.fixture(scope="module")
def lab() -> Lab:
    return Lab()


@pytest.fixture(scope="module")
def tiny_lab(hub_folder: Path) -> Lab:
    """A lab whose model reads 64 tokens at a time and has rows of 64 weights."""
    return Lab(extra=hub_folder)


def written(lab: Lab, language: Language, choice: Choice, prompt: str, *settings: Any) -> list[str]:
    """What the output of Escribir says, frame by frame."""
    return [f.said for f in writing(lab, language).frames(Asked(choice, prompt, Settings(*settings)))]


@pytest.fixture
def choice(lab: Lab) -> Choice:
    return Choice(lab.default())


def test_status_names_model_bits_and_sizes_in_both_languages(lab: Lab, choice: Choice) -> None:
    es, en = (status_line(lab, language, choice) + about(lab, language, choice) for language in LANGUAGES)
    assert "4 bits · grupos de 64 · 6,88\N{NARROW NO-BREAK SPACE}MB" in es
    assert "GPT-2 incluido" in es
    assert "4,25 bits por peso" in es
    assert "Built-in GPT-2" in en
    assert "4.25 bits per weight" in en


def test_the_drawer_says_what_the_token_table_weighs(lab: Lab, choice: Choice) -> None:
    said = about_table(lab, "es", choice)
    assert "20\N{NARROW NO-BREAK SPACE}% del modelo" in said
    assert "6,88\N{NARROW NO-BREAK SPACE}MB sin cuantizarla, 3,24\N{NARROW NO-BREAK SPACE}MB con ella" in said
    assert said == about_table(lab, "es", replace(choice, table=True))
    assert about_table(lab, "es", Choice("nadie/nada")) == about(lab, "es", Choice("nadie/nada")) == ""


def test_status_names_what_else_is_rounded_and_simulates_nothing(lab: Lab, choice: Choice) -> None:
    line = status_line(lab, "es", choice)
    assert "simulado" not in line
    assert html.mark("packed", "es") in line
    assert "W4A8" not in line
    assert "W4A8" in status_line(lab, "es", replace(choice, activations="int8"))


def test_status_says_what_is_wrong(lab: Lab) -> None:
    assert "de 2 a 8" in status_line(lab, "es", Choice(lab.default(), bits=9))
    assert "nadie/nada" in status_line(lab, "es", Choice("nadie/nada"))


def test_picture_follows_a_recipe_that_the_opening_does_not_show(lab: Lab, choice: Choice) -> None:
    few, many = (picture(lab, "es", replace(choice, bits=b, granularity="channel")) for b in (2, 8))
    assert "tiene 3 valores" in few
    assert "tiene 255 valores" in many
    assert few.count("<circle") == 64  # 32 weights, drawn for a desktop and for a phone
    assert [picture(lab, "es", replace(choice, bits=b)) for b in (2, 8)] == ["", ""]


def test_picture_says_the_bits_that_a_format_takes_and_not_those_of_its_codes(lab: Lab, choice: Choice) -> None:
    """Five ternary digits to a byte: neither 2 bits nor log2(3)."""
    shown = picture(lab, "es", replace(choice, format="TQ1_0"))
    assert "1,69 bits por peso" in shown
    assert "tiene 3 valores" in shown


def test_weights_figures_share_axes_and_follow_the_choice(lab: Lab, choice: Choice) -> None:
    shown = show(lab, "es", choice, LAYER, True)
    before, after, *_ = shown.histogram.data
    assert sum(before.y) == sum(after.y) == 1024 * 256
    assert list(before.x) == list(after.x)
    assert len(shown.occupancy.data[0].x) == 15
    assert "20 de las 21 matrices" in shown.census


def test_census_counts_the_table_when_it_is_chosen(lab: Lab) -> None:
    shown = show(lab, "en", Choice(lab.default(), table=True), LAYER, True)
    assert "21 matrices out of 21" in shown.census


def test_bad_choice_leaves_the_figures_alone(lab: Lab) -> None:
    first, *rest = vars(shown_or_problem(lab, "en", Choice(lab.default(), bits=1), LAYER, True)).values()
    assert "from 2 to 8" in str(first)
    assert all(r is None for r in rest)


def test_a_layer_of_another_model_gives_the_default_one(lab: Lab, choice: Choice) -> None:
    assert "Bloque 1 · MLP" in show(lab, "es", choice, "model.layers.7.q_proj", True).caption


def test_layers_have_readable_names(lab: Lab) -> None:
    titles = [title for title, _ in layer_choices(lab.loaded(lab.default()), "es")]
    assert "Bloque 1 · atención, QKV" in titles
    assert any(title.startswith("Tabla de tokens") for title in titles)


def test_both_models_write_and_the_first_difference_is_marked(lab: Lab) -> None:
    *_, last = written(lab, "es", Choice(lab.default(), bits=2), "La ciudad de Madrid es", *SETTINGS)
    assert last.count("<mark") == 2
    assert "Se separan en el token" in last
    assert "tokens/s" not in last  # one speed, and it is Métrica's
    assert "no es una nota" in last


def test_eight_bits_can_write_the_same_and_says_so(lab: Lab) -> None:
    choice = Choice(lab.default(), bits=8, granularity="group", group=16)
    *_, last = written(lab, "es", choice, "La ciudad de Madrid es", 9, *SETTINGS[1:])
    assert "exactamente lo mismo" in last


@each("language", LANGUAGES)
def test_each_column_says_what_it_holds(lab: Lab, language: Language) -> None:
    choice = Choice(lab.default(), bits=4)
    *_, last = written(lab, language, choice, "La ciudad de", 8, *SETTINGS[1:])
    original, quantized = last.split("<section ")[1:]
    assert f"{number(4.25, language, 3)} bits" in quantized
    assert "float32" in original
    assert f'data-of="{choice.query()}"' in unescape(last)


@each(
    "prompt, settings, words",
    [
        ("  ", SETTINGS, "vacío"),
        ("hola " * 600, SETTINGS, "tokens"),
        ("hola", (None, *SETTINGS[1:]), "max_length"),
        ("hola", (24, 2, True, 0.0, 50, 0.95, 0), "temperature"),
        ("hola", (24, 2, True, 0.7, 50, 1.5, 0), "top_p"),
        ("hola", (24, 2, True, 0.7, 2.5, 0.9, 0), "entero"),
    ],
)
def test_bad_requests_get_one_message(lab: Lab, choice: Choice, prompt: str, settings: tuple, words: str) -> None:
    shown = list(written(lab, "es", choice, prompt, *settings))
    assert len(shown) == 1
    assert words in shown[0]


def test_settings_must_be_given() -> None:
    with pytest.raises(PromptError, match="top_k"):
        Settings(150, 2, True, 0.7, None, 0.95, 0).sampling()


@pytest.mark.slow
@each("language", LANGUAGES)
@each("name", [name for name in CHOSEN_FORMATS if name not in TABLES])  # whose values are learned on a text first
def test_every_format_draws_the_weights_the_picture_and_the_line_on_top(
    lab: Lab, language: Language, name: str
) -> None:
    choice = Choice(lab.default(), format=name)
    shown = show(lab, language, choice, LAYER, True)
    before, after, *_ = shown.histogram.data
    assert sum(before.y) == sum(after.y) == 1024 * 256
    assert len(shown.occupancy.data[0].x) > 1
    assert shown.said.count('lab-card"') == 4
    drawn = picture(lab, language, replace(choice, granularity="channel"))
    assert drawn.count("<circle") in (32, 64)  # one block of 16 or two, for a desktop and for a phone
    line = status_line(lab, language, choice) + about(lab, language, choice)
    bits = size_report(lab.loaded(choice.model), choice.recipe()).quantized_bits_per_weight
    assert number(bits, language, 3) in line
    everything = "".join([shown.said, shown.caption, shown.occupancy_caption, shown.census, drawn, line])
    assert "lab-notice" not in everything
    assert not re.search(r"\bnan\b|\binf\b|\bNone\b|[{}]", re.sub("<style.*?</style>|<[^>]*>", "", everything))


@each("language", LANGUAGES)
@each("name", [name for name in CHOSEN_FORMATS if name.endswith(("_K", "XS")) or name[:2] == "TQ"])
def test_a_format_whose_blocks_do_not_fit_the_rows_says_so(tiny_lab: Lab, language: Language, name: str) -> None:
    choice = Choice(tiny_lab.default(), format=name)
    line, drawn = status_line(tiny_lab, language, choice), picture(tiny_lab, language, choice)
    cards, *rest = vars(shown_or_problem(tiny_lab, language, choice, None, True)).values()
    for said in (line, drawn, str(cards)):
        assert "lab-notice error" in said
        assert name in said
        assert "256" in said
        assert "64" in said
    assert all(r is None for r in rest)


def test_a_result_says_which_recipe_it_belongs_to(lab: Lab) -> None:
    choice = Choice(lab.default(), bits=3, granularity="channel", zero_point=True, table=True)
    *_, last = written(lab, "es", choice, "La ciudad de", 8, *SETTINGS[1:])
    assert "Receta: GPT-2 incluido, 3 bits, una escala por canal de salida, rejilla con punto cero" in last


def test_the_one_that_ends_first_is_named(lab: Lab) -> None:
    loaded = lab.loaded("embedded")
    ids = tuple(loaded.tokenizer.encode("La ciudad de Madrid"))
    shorter = Step((*ids[:-1], loaded.tokenizer.eos_token_id), 3, "", 1.0, True)
    longer = Step((*ids, ids[-1]), 3, "", 1.0, True)
    n = len(ids) - 3
    assert f"hasta el token {n}: ahí el original" in columns(loaded, (shorter, longer), "", "es")
    assert f"hasta el token {n}: ahí el cuantizado" in columns(loaded, (longer, shorter), "", "es")


def test_the_caption_says_why_there_are_as_many_columns(lab: Lab) -> None:
    def caption(**recipe: Any) -> str:
        return show(lab, "es", Choice(lab.default(), **recipe), LAYER, True).caption

    assert "Hay 4096 escalas y cada una estira a su medida la misma" in caption(bits=4)
    assert "solo quedan 2 valores distintos" in caption(bits=2, granularity="tensor")
    assert "escala" not in caption(format="cast_float16") + caption(bits=8)


def test_an_outlier_is_named_only_where_there_is_one() -> None:
    weight = 0.1 * torch.randn(64, 64, generator=torch.Generator().manual_seed(0))
    scheme = Scheme.integer(4, PerTensor())
    assert "estira" not in _occupancy_caption(weight_view(weight, scheme), scheme, "es")
    weight[3, 3] = 5.0
    assert "estira" in _occupancy_caption(weight_view(weight, scheme), scheme, "es")
    cast = Choice("embedded", format="cast_float8_e4m3fn").scheme()  # nothing shares a scale where there is none
    assert "estira" not in _occupancy_caption(weight_view(weight, cast), cast, "es")


def test_codes_that_are_never_used_are_no_zero_percent(lab: Lab) -> None:
    wide = show(lab, "es", Choice(lab.default(), bits=8, granularity="tensor"), LAYER, True)
    assert "no se usa ni una vez" in wide.occupancy_caption
    assert "reúne el 0" not in wide.occupancy_caption


def test_a_model_with_nan_says_so_on_every_tab(folder: Path) -> None:
    state = torch.load(folder / "pytorch_model.bin", weights_only=True)
    state["transformer.h.0.mlp.c_fc.weight"][3, 4] = torch.nan
    torch.save(state, folder / "pytorch_model.bin")
    spoiled = Lab(extra=folder)
    choice = Choice(spoiled.default())
    assert "no son finitos" in picture(spoiled, "es", choice)
    assert "no son finitos" in shown_or_problem(spoiled, "es", choice, LAYER, True).said
    assert "no son finitos" in list(written(spoiled, "es", choice, "Hola", *SETTINGS))[-1]
    asked = Measurement(choice, "own", "quick", OWN)
    assert "not finite" in list(measuring(spoiled, "en").frames(asked))[-1].said
    assert "GPT-2 incluido" in status_line(spoiled, "es", Choice("embedded"))


def test_a_group_that_does_not_divide_names_those_that_do(folder: Path) -> None:
    narrow = Lab(extra=folder)
    assert "dividen: 16, 32, 64" in status_line(narrow, "es", Choice(narrow.default(), group=128))


def test_what_a_visitor_writes_is_escaped(lab: Lab, choice: Choice) -> None:
    *_, last = written(lab, "es", choice, "<script>alert(1)</script>", 40, *SETTINGS[1:])
    assert "<script>" not in last


def test_what_a_link_says_is_escaped_in_its_message(lab: Lab) -> None:
    shown = status_line(lab, "es", Choice("<img src=x onerror=alert(1)>"))
    assert "<img" not in shown
    assert "&lt;img" in shown
