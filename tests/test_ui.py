"""The page's callbacks, called as functions: no server, no browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import pytest
import torch

from quant.errors import PromptError
from quant.evaluate import quality
from quant.evaluate.weights import weight_view
from quant.generate import Step
from quant.lab import Lab
from quant.scheme import PerTensor, Scheme
from quant.ui import html, texts
from quant.ui.choice import Choice
from quant.ui.heavy import Stops, in_turn
from quant.ui.layer_names import layer_choices
from quant.ui.status import status_line
from quant.ui.tab_metrics import change, measured_or_problem
from quant.ui.tab_start import picture
from quant.ui.tab_text import columns, read_sampling, written_or_problem
from quant.ui.tab_weights import _occupancy_caption, show, shown_or_problem

SETTINGS = (24, 2, False, 0.7, 50, 0.95, 0)
LAYER = "transformer.h.0.mlp.c_fc"


@pytest.fixture(scope="module")
def lab() -> Lab:
    return Lab()


@pytest.fixture
def choice(lab: Lab) -> Choice:
    return Choice(lab.default())


def test_status_names_model_bits_and_sizes_in_both_languages(lab: Lab, choice: Choice) -> None:
    es, en = status_line(lab, "es", choice), status_line(lab, "en", choice)
    assert "GPT-2 incluido" in es
    assert "4,25 bits/peso" in es
    assert "Embedded GPT-2" in en
    assert "4.25 bits/weight" in en


def test_status_says_what_is_wrong(lab: Lab) -> None:
    assert "de 2 a 8" in status_line(lab, "es", Choice(lab.default(), bits=9))
    assert "nadie/nada" in status_line(lab, "es", Choice("nadie/nada"))


def test_picture_follows_the_bits(lab: Lab, choice: Choice) -> None:
    few, many = (picture(lab, "es", Choice(choice.model, bits=b)) for b in (2, 8))
    assert "tiene 3 valores" in few
    assert "tiene 255 valores" in many
    assert few.count("<circle") == 64  # 32 weights, drawn for a desktop and for a phone


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
    first, *rest = shown_or_problem(lab, "en", Choice(lab.default(), bits=1), LAYER, True)
    assert "from 2 to 8" in str(first)
    assert all(r == gr.skip() for r in rest)


def test_a_layer_of_another_model_gives_the_default_one(lab: Lab, choice: Choice) -> None:
    assert "Bloque 1 · MLP" in show(lab, "es", choice, "model.layers.7.q_proj", True).caption


def test_layers_have_readable_names(lab: Lab) -> None:
    titles = [title for title, _ in layer_choices(lab.loaded(lab.default()), "es")]
    assert "Bloque 1 · atención: consulta, clave y valor (c_attn) · 768 × 256" in titles
    assert any(title.startswith("Tabla de tokens") for title in titles)


def test_both_models_write_and_the_first_difference_is_marked(lab: Lab) -> None:
    *_, last = written_or_problem(lab, "es", Choice(lab.default(), bits=2), "La ciudad de Madrid es", *SETTINGS)
    assert last.count("<mark") == 2
    assert "Se separan en el token" in last
    assert "tokens/s" in last


def test_eight_bits_can_write_the_same_and_says_so(lab: Lab) -> None:
    choice = Choice(lab.default(), bits=8, granularity="group", group=16)
    *_, last = written_or_problem(lab, "es", choice, "La ciudad de Madrid es", 9, *SETTINGS[1:])
    assert "exactamente lo mismo" in last


@pytest.mark.parametrize(
    ("prompt", "settings", "words"),
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
    shown = list(written_or_problem(lab, "es", choice, prompt, *settings))
    assert len(shown) == 1
    assert words in shown[0]


def test_settings_must_be_given() -> None:
    with pytest.raises(PromptError, match="top_k"):
        read_sampling(150, 2, True, 0.7, None, 0.95, 0)


def test_measuring_shows_progress_then_a_table(lab: Lab) -> None:
    choice = Choice(lab.default(), bits=2, granularity="tensor")
    own = (
        "El agua del río bajaba turbia y la gente del pueblo la miraba en silencio desde el puente viejo. "
        "Nadie recordaba una crecida como aquella, ni siquiera los más ancianos, que habían visto tantas."
    )
    *before, last = measured_or_problem(lab, "es", choice, "own", "quick", own)
    assert any("Midiendo el original" in b for b in before)
    assert "Perplejidad" in last
    assert "sube de" in last
    assert "Documentos: 1." in last
    assert "mediana de 5" in last


def test_a_part_of_the_text_is_never_set_against_the_whole(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quality, "LOGITS_BUDGET", 1)  # one window a batch: there are parts to show
    own = "El tren paró en mitad del llano, y los viajeros se asomaron a ver qué ocurría en la vía. " * 60
    frames = list(measured_or_problem(lab, "es", Choice(lab.default(), bits=3), "own", "quick", own))
    partial = [f for f in frames if "lleva leído" in f]
    assert partial
    assert not any("<table" in f for f in partial)
    assert "<table" in frames[-1]
    assert "lleva leído" not in frames[-1]


def test_the_baseline_is_measured_once(lab: Lab, choice: Choice, monkeypatch: pytest.MonkeyPatch) -> None:
    own = "La barca volvía despacio, con las redes vacías, y nadie en el muelle se atrevió a preguntar. " * 2
    list(measured_or_problem(lab, "es", choice, "own", "quick", own))
    monkeypatch.setattr("quant.lab.evaluate_steps", lambda *_: pytest.fail("the original was measured again"))
    assert "Perplejidad" in list(measured_or_problem(lab, "es", choice, "own", "quick", own))[-1]


def test_a_result_says_which_recipe_it_belongs_to(lab: Lab) -> None:
    choice = Choice(lab.default(), bits=3, granularity="channel", zero_point=True, table=True)
    *_, last = written_or_problem(lab, "es", choice, "La ciudad de", 8, *SETTINGS[1:])
    assert "Receta: GPT-2 incluido, 3 bits, una escala por canal de salida, rejilla con punto cero" in last


def test_the_one_that_ends_first_is_named(lab: Lab) -> None:
    loaded = lab.loaded("embedded")
    ids = tuple(loaded.tokenizer.encode("La ciudad de Madrid"))
    shorter = Step((*ids[:-1], loaded.tokenizer.eos_token_id), 3, "", 1.0, True)
    longer = Step((*ids, ids[-1]), 3, "", 1.0, True)
    n = len(ids) - 3
    assert f"hasta el token {n}: ahí el original" in columns(loaded, (shorter, longer), "", "es")
    assert f"hasta el token {n}: ahí el cuantizado" in columns(loaded, (longer, shorter), "", "es")


def test_a_text_too_long_to_paste_is_refused(lab: Lab, choice: Choice) -> None:
    assert "200000 fit" in list(measured_or_problem(lab, "en", choice, "own", "quick", "palabra " * 30_000))[-1]


def test_an_outlier_is_named_only_where_there_is_one() -> None:
    weight = 0.1 * torch.randn(64, 64, generator=torch.Generator().manual_seed(0))
    scheme = Scheme.integer(4, PerTensor())
    assert "estira" not in _occupancy_caption(weight_view(weight, scheme), "es")
    weight[3, 3] = 5.0
    assert "estira" in _occupancy_caption(weight_view(weight, scheme), "es")


def test_measuring_refuses_what_it_cannot_score(lab: Lab, choice: Choice) -> None:
    assert "al menos 32" in list(measured_or_problem(lab, "es", choice, "own", "quick", "Hola."))[-1]
    assert "enciclopedia" in list(measured_or_problem(lab, "en", choice, "quijote", "quick", ""))[-1]
    assert "quick" in list(measured_or_problem(lab, "en", choice, "enciclopedia", "poco", ""))[-1]


def test_waiting_work_says_how_many_are_ahead(lab: Lab) -> None:
    with lab.heavy.turn():
        waiting = in_turn(lab, "es", iter(["listo"]))
        assert "una tarea delante" in next(waiting)
        waiting.close()
    assert list(in_turn(lab, "es", iter(["listo"]))) == ["listo"]


def test_work_stops_where_it_is_asked_to_and_keeps_what_it_showed() -> None:
    stops, closed = Stops(), []

    def work() -> Iterator[str]:
        try:
            for n in range(100):
                yield f"<p>{n}<i class=caret></i></p>"
        finally:
            closed.append(True)

    stops.ask("ana")  # before anything runs: forgotten
    writing = work()
    frames = stops.heed("ana", "es", writing)
    assert [next(frames), next(frames)] == ["<p>0<i class=caret></i></p>", "<p>1<i class=caret></i></p>"]
    stops.ask("luis")
    assert next(frames) == "<p>2<i class=caret></i></p>"
    stops.ask("ana")
    *_, last = frames
    assert "Detenido" in last
    assert last.endswith("<p>3</p>")
    writing.close()
    assert closed


def test_change_is_a_percentage_or_a_factor() -> None:
    assert change(100, 104.1, "es") == "+4,1\u202f%"
    assert change(100, 34, "en") == "−66%"
    assert change(10, 1000, "es") == "× 100"


def test_stopping_keeps_the_results_and_drops_the_bar() -> None:
    shown = html.progress(texts.MEASURING_SPEED, 0.5, "es") + "<p>resultado</p>"
    kept = html.stopped(shown, "es")
    assert "resultado" in kept
    assert "Detenido" in kept
    assert html.stopped("<p>resultado</p>", "es") == "<p>resultado</p>"
    assert "track" not in kept


def test_a_model_with_nan_says_so_on_every_tab(folder: Path) -> None:
    state = torch.load(folder / "pytorch_model.bin", weights_only=True)
    state["transformer.h.0.mlp.c_fc.weight"][3, 4] = torch.nan
    torch.save(state, folder / "pytorch_model.bin")
    spoiled = Lab(extra=folder)
    choice = Choice(spoiled.default())
    assert "no son finitos" in picture(spoiled, "es", choice)
    assert "no son finitos" in str(shown_or_problem(spoiled, "es", choice, "transformer.h.0.mlp.c_fc", True)[0])
    assert "no son finitos" in list(written_or_problem(spoiled, "es", choice, "Hola", *SETTINGS))[-1]
    assert "not finite" in list(measured_or_problem(spoiled, "en", choice, "own", "quick", "Hola y adiós. " * 30))[-1]
    assert "GPT-2 incluido" in status_line(spoiled, "es", Choice("embedded"))


def test_a_group_that_does_not_divide_names_those_that_do(folder: Path) -> None:
    narrow = Lab(extra=folder)
    assert "dividen: 16, 32, 64" in status_line(narrow, "es", Choice(narrow.default(), group=128))


def test_what_a_visitor_writes_is_escaped(lab: Lab, choice: Choice) -> None:
    *_, last = written_or_problem(lab, "es", choice, "<script>alert(1)</script>", 40, *SETTINGS[1:])
    assert "<script>" not in last


def test_what_a_link_says_is_escaped_in_its_message(lab: Lab) -> None:
    shown = status_line(lab, "es", Choice("<img src=x onerror=alert(1)>"))
    assert "<img" not in shown
    assert "&lt;img" in shown
