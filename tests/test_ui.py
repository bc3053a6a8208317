"""The page's callbacks, called as functions: no server, no browser."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
import torch
from cases import each
from working import known

from quant.errors import PromptError
from quant.evaluation import compare, quality
from quant.evaluation.memory import held_layers, packed_bits
from quant.evaluation.quality import evaluate_steps
from quant.evaluation.verdict import Verdict
from quant.evaluation.weights import weight_view
from quant.generation import Step
from quant.kernels.cpu import kernel
from quant.lab import Lab
from quant.model.load import LoadedModel
from quant.model.packed import QuantLinear
from quant.scheme import PerTensor, Scheme
from quant.size import size_report
from quant.text import Language, Text, fixed, number
from quant.texts import own_text
from quant.ui.shared import html
from quant.ui.shared.layer_names import layer_choices
from quant.ui.sidebar.choice import Choice
from quant.ui.sidebar.formats import CHOSEN_FORMATS
from quant.ui.sidebar.status import about, about_table, status_line
from quant.ui.tabs.metrics import texts as metrics_texts
from quant.ui.tabs.metrics.measure import Asked as Measurement
from quant.ui.tabs.metrics.measure import measuring
from quant.ui.tabs.metrics.result import change, computes
from quant.ui.tabs.start.picture import picture
from quant.ui.tabs.text.sampling import Settings
from quant.ui.tabs.text.write import Asked, columns, writing
from quant.ui.tabs.weights.tab import _occupancy_caption, show, shown_or_problem
from quant.work import finished

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


def measured(lab: Lab, language: Language, choice: Choice, own: str = OWN) -> list[tuple[Any, ...]]:
    """All frames of a measurement on a visitor's own text, timed, the first of the visit."""
    return frames_of(lab, language, Measurement(choice, "own", "quick", own, speed=True))


def frames_of(lab: Lab, language: Language, asked: Measurement) -> list[tuple[Any, ...]]:
    """What each output is given in each frame; None where it stays."""
    return [tuple(vars(frame).values()) for frame in measuring(lab, language).frames(asked)]


def written(lab: Lab, language: Language, choice: Choice, prompt: str, *settings: Any) -> list[str]:
    """What the output of Escribir says, frame by frame."""
    return [f.said for f in writing(lab, language).frames(Asked(choice, prompt, Settings(*settings)))]


def beginning(text: Text, language: Language) -> str:
    """A sentence up to its first field."""
    return text[language].partition("{")[0]


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
    before, after = shown.histogram.data
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
    assert "Bloque 1 · atención: consulta, clave y valor (c_attn) · 768 × 256" in titles
    assert any(title.startswith("Tabla de tokens") for title in titles)


def test_both_models_write_and_the_first_difference_is_marked(lab: Lab) -> None:
    *_, last = written(lab, "es", Choice(lab.default(), bits=2), "La ciudad de Madrid es", *SETTINGS)
    assert last.count("<mark") == 2
    assert "Se separan en el token" in last
    assert "tokens/s" in last


def test_eight_bits_can_write_the_same_and_says_so(lab: Lab) -> None:
    choice = Choice(lab.default(), bits=8, granularity="group", group=16)
    *_, last = written(lab, "es", choice, "La ciudad de Madrid es", 9, *SETTINGS[1:])
    assert "exactamente lo mismo" in last


@each("language", LANGUAGES)
def test_each_column_says_what_it_holds_and_what_multiplied_it(lab: Lab, language: Language) -> None:
    choice = Choice(lab.default(), bits=4)
    *_, last = written(lab, language, choice, "La ciudad de", 8, *SETTINGS[1:])
    original, quantized = last.split("<section ")[1:]
    model = finished(lab.quantized(choice.recipe()))
    assert isinstance(model, LoadedModel)
    matrix = next(m.matrix for m in model.model.modules() if isinstance(m, QuantLinear))
    assert f"{number(4.25, language, 3)} bits/" in quantized
    assert unescape(quantized).count(kernel(matrix).summary[language]) == 1
    assert html.badge("packed", language) in quantized
    assert html.badge("packed", language) not in original
    assert all(html.badge("measured", language) in column for column in (original, quantized))
    assert "simulated" not in last


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


@each("language", LANGUAGES)
def test_a_measurement_ends_with_words_tables_protocol_and_both_speeds(tiny_lab: Lab, language: Language) -> None:
    frames = measured(tiny_lab, language, Choice(tiny_lab.default(), bits=3))
    last = str(frames[-1][0])
    verdict = re.findall('<p class="lab-verdict">(.*?)</p>', last)
    assert len(verdict) == 1
    assert verdict[0].startswith(tuple(v.value[language].capitalize() + ":" for v in Verdict))
    for name in (
        metrics_texts.PERPLEXITY,
        metrics_texts.BPB,
        metrics_texts.SIZE,
        metrics_texts.MEMORY,
        metrics_texts.KL_MEAN,
        metrics_texts.KL_999,
        metrics_texts.SAME_TOP,
    ):
        assert name[language] in last
    assert beginning(metrics_texts.INTERVAL, language) in last
    assert beginning(metrics_texts.PROTOCOL, language) in last
    assert beginning(metrics_texts.RESAMPLED, language) in last
    assert all(html.badge(kind, language) in last for kind in ("packed", "measured"))
    assert html.badge("simulated", language) not in last
    for name in (metrics_texts.SPEED, metrics_texts.SPEED_PROMPT):
        assert [name[language] in str(f[0]) for f in frames] == [False] * (len(frames) - 1) + [True]
    assert html.progress(metrics_texts.MEASURING_SPEED, 0.5, language)[:20] not in last


@each("language", LANGUAGES)
def test_figure_caption_and_history_come_with_the_whole_text(tiny_lab: Lab, language: Language) -> None:
    frames = measured(tiny_lab, language, Choice(tiny_lab.default()))
    whole = [f for f in frames if f[1] is not None]
    assert len(whole) == 1
    _, figure, caption, tried, history, *later = whole[0]
    assert later == [None] * 3
    assert len(figure.data) == 2
    assert all(len(trace.x) == len(trace.y) > 1 for trace in figure.data)
    assert "lab-caption" in str(caption)
    assert "<table" in str(tried)
    assert len(history) == 1
    assert all(f[1:] == (None,) * 7 for f in frames[:-1] if f is not whole[0])


@each("language", LANGUAGES)
def test_the_picture_of_speeds_comes_last_and_grows_with_what_is_tried(tiny_lab: Lab, language: Language) -> None:
    first = measured(tiny_lab, language, Choice(tiny_lab.default()))[-1]
    rounded = Choice(tiny_lab.default(), bits=8, activations="int8")
    frames = frames_of(tiny_lab, language, Measurement(rounded, "own", "quick", OWN, first[4], speed=True))  # type: ignore[arg-type]
    shown, *_, tried, history, section, figure, caption = frames[-1]
    assert section == gr.update(visible=True)
    assert [len(trace.x) for trace in first[6].data[2:]] == [1, 1]
    assert [len(trace.x) for trace in figure.data[2:]] == [1, 2]  # type: ignore[attr-defined]
    assert "W8A8" in str(caption)
    assert "float32 / W8A8" in str(shown)
    assert metrics_texts.COMPUTES_INT8[language] in str(shown) or "int8" in str(shown) or "_int_mm" in str(shown)
    assert "W8A8" in str(tried)
    assert [e.written[1].label[language] for e in history] == ["4 bits", "W8A8"]  # type: ignore[attr-defined]


@each("language", LANGUAGES)
def test_memory_is_what_is_held_and_says_where_that_is_not_the_file(lab: Lab, language: Language) -> None:
    for name, text in ((CHOSEN_FORMATS[0], metrics_texts.COMPUTES_HELD), ("TQ1_0", metrics_texts.COMPUTES_HELD_MORE)):
        choice = Choice(lab.default(), format=name)
        quantized = finished(lab.quantized(choice.recipe()))
        assert isinstance(quantized, LoadedModel)
        report = size_report(lab.loaded(choice.model), choice.recipe())
        held = held_layers(quantized)
        said = computes(held, report, choice.recipe().activations)[language]
        bits = (packed_bits(held), report.quantized_bits_per_weight)
        shown = {key: number(b, language, 3) for key, b in zip(("held", "stored"), bits, strict=True)}
        assert said.endswith(text.format(**shown)[language])
        assert (bits[0] == pytest.approx(bits[1])) == (name != "TQ1_0")
        assert next(h.kernel for h in held if h.kernel).summary[language] in said


def test_frames_only_ever_compare_the_same_tokens(tiny_lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each partial result has, for both models, what a pass over exactly the windows read so far gives."""
    monkeypatch.setattr(quality, "LOGITS_BUDGET", 1)
    choice, own = Choice(tiny_lab.default(), bits=2), OWN + "Y nadie respondió."  # a text no other test has read
    quantized = finished(tiny_lab.quantized(choice.recipe()))
    assert isinstance(quantized, LoadedModel)
    passes = [known(evaluate_steps(model, own_text(own))) for model in (tiny_lab.loaded(choice.model), quantized)]
    frames = [str(f[0]) for f in measured(tiny_lab, "es", choice, own) if metrics_texts.SPEED.es not in str(f[0])]
    # Not what is shown while the speeds are measured, which repeats the whole.
    tables = [f for f in frames if "<table" in f and metrics_texts.MEASURING_SPEED.es not in f]
    assert len(tables) == len(passes[0]) > 10
    for at, (shown, original, after) in enumerate(zip(tables, *passes, strict=True)):
        assert original.protocol.tokens == after.protocol.tokens
        for score in (original, after):
            assert f">{number(score.perplexity, 'es', 4)}<" in shown, at
        assert (
            f"{fixed(original.protocol.tokens, 'es', 0)} ({fixed(original.protocol.n_bytes, 'es', 0)} bytes)" in shown
        )
        assert (metrics_texts.MEASURING_BOTH.es in shown) == (at < len(tables) - 1)


def test_what_the_original_read_is_kept_for_the_second_scheme(tiny_lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    choice, own = Choice(tiny_lab.default()), OWN + "Y el mar."
    measured(tiny_lab, "es", choice, own)
    read: list[LoadedModel] = []
    forward = compare.final_hidden

    def counted(model: LoadedModel, window: quality.Window) -> torch.Tensor:
        read.append(model)
        return forward(model, window)

    monkeypatch.setattr(compare, "final_hidden", counted)
    frames = measured(tiny_lab, "es", replace(choice, bits=5), own)
    assert metrics_texts.PERPLEXITY.es in str(frames[-1][0])
    assert read
    assert tiny_lab.loaded(choice.model) not in read


def test_a_text_of_few_windows_says_that_it_has_no_interval(tiny_lab: Lab) -> None:
    frames = measured(tiny_lab, "es", Choice(tiny_lab.default()), OWN[:200])
    last = str(frames[-1][0])
    assert metrics_texts.NO_INTERVAL.es in last
    assert metrics_texts.NOT_RESAMPLED.es in last
    assert beginning(metrics_texts.INTERVAL, "es") not in last
    assert beginning(metrics_texts.RESAMPLED, "es") not in last


@each("language", LANGUAGES)
@each(
    "text, amount, own, words",
    [
        ("enciclopedia", "poco", "", ("quick, whole", "quick, whole")),
        ("own", "quick", " \n ", ("ningún texto", "no text")),
        ("own", "quick", "Hola.", ("al menos 65", "at least 65")),
        ("own", "quick", "palabra " * 30_000, ("caben 200000", "200000 fit")),
        ("quijote", "quick", "", ("enciclopedia, literatura", "enciclopedia, literatura")),
    ],
)
def test_measuring_refuses_what_it_cannot_score_and_leaves_the_rest(
    tiny_lab: Lab, language: Language, text: str, amount: str, own: str, words: tuple[str, str]
) -> None:
    frames = frames_of(tiny_lab, language, Measurement(Choice(tiny_lab.default()), text, amount, own))
    assert len(frames) == 1
    message, *rest = frames[0]
    assert "lab-notice error" in str(message)
    assert words[LANGUAGES.index(language)] in str(message)
    assert rest == [None] * 7


@each("wrong", [{"bits": 9}, {"format": "Q9_K"}, {"format": "Q4_K"}, {"model": "nadie/nada"}])
def test_measuring_with_a_bad_recipe_gives_one_message(tiny_lab: Lab, wrong: dict[str, Any]) -> None:
    choice = replace(Choice(tiny_lab.default()), **wrong)
    message, *rest = measured(tiny_lab, "es", choice)[-1]
    assert "lab-notice error" in str(message)
    assert rest == [None] * 7


@pytest.mark.slow
@each("language", LANGUAGES)
@each("name", CHOSEN_FORMATS)
def test_every_format_draws_the_weights_the_picture_and_the_line_on_top(
    lab: Lab, language: Language, name: str
) -> None:
    choice = Choice(lab.default(), format=name)
    shown = show(lab, language, choice, LAYER, True)
    before, after = shown.histogram.data
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

    assert "Hay 4096 escalas y cada una estira la misma rejilla de 15 valores" in caption(bits=4)
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


def test_change_is_a_percentage_or_a_factor() -> None:
    assert change(100, 104.1, "es") == "+4,1\u202f%"
    assert change(100, 34, "en") == "−66%"
    assert change(10, 1000, "es") == "× 100"


def test_a_model_with_nan_says_so_on_every_tab(folder: Path) -> None:
    state = torch.load(folder / "pytorch_model.bin", weights_only=True)
    state["transformer.h.0.mlp.c_fc.weight"][3, 4] = torch.nan
    torch.save(state, folder / "pytorch_model.bin")
    spoiled = Lab(extra=folder)
    choice = Choice(spoiled.default())
    assert "no son finitos" in picture(spoiled, "es", choice)
    assert "no son finitos" in shown_or_problem(spoiled, "es", choice, LAYER, True).said
    assert "no son finitos" in list(written(spoiled, "es", choice, "Hola", *SETTINGS))[-1]
    assert "not finite" in str(measured(spoiled, "en", choice)[-1][0])
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
