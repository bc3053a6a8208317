"""De PTQ a QAT, live: which recipe a choice means, its text in an address, its frames, its pictures, another grid."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
import torch

from quant.errors import QuantError, SchemeError, TrainingError
from quant.evaluation.compare import compare
from quant.evaluation.export import Exported, dense, export_costs, exported, others, stored_on
from quant.evaluation.learning import Check, Learning, Learnings, Watched, joined, thinned
from quant.evaluation.training_plan import SCHEMES, Plan, planned
from quant.lab import Lab
from quant.model.layers import census
from quant.model.load import EMBEDDED
from quant.model.packed import packed_matrices
from quant.recipe import Recipe, Step
from quant.text import Language, number
from quant.texts import EvalText, own_text
from quant.training import LEARNED, Training
from quant.ui.shared.drawn import Drawn
from quant.ui.shared.layer_names import default_layer
from quant.ui.sidebar.choice import Choice, choice_of, query_of, read_query, recipe_of
from quant.ui.sidebar.status import about_training
from quant.ui.sidebar.trained import read_training, written_training
from quant.ui.tabs.methods import training_texts as t
from quant.ui.tabs.methods.training import Asked, Ready, exporting, train, training
from quant.ui.tabs.methods.training_ladder import ladder_html
from quant.ui.tabs.methods.training_show import core, export_html, said, shown, use
from quant.ui.tabs.methods.training_state import NAMES, State
from quant.ui.tabs.metrics.file import file_name
from quant.work import finished

LAYER = "transformer.h.0.mlp.c_fc"
LANGUAGES = ("es", "en")


def a_learning(recipe: Recipe, kls: tuple[float, ...] = (2.0, 1.0, 0.4), losses: int = 400) -> Learning:
    """A training that loses these nats at its checks, every 20 steps."""
    values = 16 if recipe.rules[0].scheme == SCHEMES["4"] else 4
    checks = tuple(
        Check(20 * i, 5.0 * i, kl, 40 + 400 * kl, f"Me gusta mucho {'el mar' if i else 'la la'} y la playa <b>",
              tuple(range(12 * values)))
        for i, kl in enumerate(kls)
    )  # fmt: skip
    steps = checks[-1].step
    made = replace(recipe, training=replace(recipe.training, steps=steps) if steps and recipe.training else None)
    curve = tuple((i + 1, 3.0 / (i + 1)) for i in range(losses)) if steps else ()
    return Learning(made, curve, checks, 40.0, "Me gusta mucho el mar y la playa <b>", checks[-1].seconds)


# ---- what is chosen


def test_a_plan_means_a_recipe_that_the_drawer_can_say() -> None:
    for bits in SCHEMES:
        recipe = planned(EMBEDDED, Plan(bits))
        assert recipe.training == Training(1)
        assert recipe.rules[0].method == "search", bits
        choice = choice_of(recipe)
        assert choice, bits
        assert choice.recipe() == recipe, bits
    assert planned(EMBEDDED, Plan("3", "gptq")).rules[0].method == "gptq"
    assert planned(EMBEDDED, Plan("3", "rtn")).rules[0].method == "rtn"
    assert planned(EMBEDDED, Plan("1", "gptq")).rules[0].method == "search", "nothing to make up for with two values"
    full = Plan("4", learn="scales", loss="language", text="own", own="Uno", rate=1e-3, seed=3, table=True)
    made = planned(EMBEDDED, replace(full, activations=True))
    assert made.training == Training(1, "scales", "language", "own", "Uno", 1e-3, 3)
    assert (made.rules[0].layers, made.activations.name) == ("*", "int8")
    assert planned(EMBEDDED, replace(full, text="training_sample")).training.own == "", "it waits in its field"


def test_what_no_plan_can_be_is_refused_by_name() -> None:
    for bad, said_ in (({"bits": "5"}, "1.58, 2m, 2, 3, 4"), ({"start": "awq"}, "search, rtn, gptq")):
        with pytest.raises(TrainingError, match=said_):
            Plan(**bad)
    for plan in (Plan(learn="all"), Plan(loss="no"), Plan(text="literatura"), Plan(text="own"), Plan(rate=9.0)):
        with pytest.raises(TrainingError):
            planned(EMBEDDED, plan)


def test_the_state_of_the_section_comes_back_from_its_text() -> None:
    assert State.read("") == State()
    assert State().written() == ""
    other = State(Plan("1.58", "gptq", "scales", "language", "own", "Uno", 1e-3, 4, table=True), 180)
    assert State.read(other.written(), "Uno") == other
    assert len(other.values()) == len(NAMES)
    for bad in ("2", "9" + other.written()[4:], other.written().replace("180", "999"), "x:" * 9 + "y",
                other.written().replace("0.001", "0.5"), other.written().replace("own", "literatura")):  # fmt: skip
        with pytest.raises(TrainingError):
            State.read(bad, "Uno")


# ---- the training of the live recipe


def test_a_trained_recipe_goes_through_its_address() -> None:
    recipe = planned(EMBEDDED, Plan("2"))
    trained = replace(recipe, training=replace(recipe.training, steps=240, seed=3, rate=0.00012345678))
    query = query_of(trained)
    assert query
    params = dict(re.findall(r"(\w+)=([^&]*)", query.replace("%3A", ":")))
    choice, errors = read_query(params, Choice(EMBEDDED))
    assert (choice.recipe(), errors) == (trained, [])
    assert "entrenado 240 pasos" in choice.brief().es
    assert "trained 240 steps" in choice.describe().en
    assert "trained" in choice.label().en
    assert "trained240-seed3-rate0.000123457" in file_name(choice)
    assert 'data-recipe="training="' in about_training("es", choice)
    assert about_training("es", replace(choice, training="")) == ""


def test_a_rate_that_falls_to_zero_goes_through_the_address_too() -> None:
    recipe = replace(planned(EMBEDDED, Plan("2m")), training=Training(240, decay_steps=900))
    written = written_training(recipe)
    assert written.startswith("240/900:")
    assert read_training(written) == recipe.training
    query = query_of(recipe)
    assert query
    choice, errors = read_query(dict(parse_qsl(query)), Choice(EMBEDDED))
    assert (choice.recipe(), errors) == (recipe, [])
    assert "trained240-zero900" in file_name(choice)
    with pytest.raises(SchemeError):
        read_training("240/:weights:distillation:training_sample:0:x")


def test_a_training_goes_where_the_recipe_moves_on() -> None:
    """In the drawer it stops counting at once; in a link it goes, unless the link says it."""
    live = choice_of(replace(planned(EMBEDDED, Plan("2")), training=Training(240)))
    assert live
    moved = replace(live, bits=3)
    assert moved.recipe().training is None
    assert moved.trained is None
    assert "entrenado" not in moved.brief().es
    assert read_query({"bits": "3"}, live) == (replace(live, bits=3, training=""), [])
    assert read_query({"context": "4096"}, live)[0].training == live.training, "no part of the recipe"
    assert read_query({"training": ""}, live) == (replace(live, training=""), [])
    choice, errors = read_query({"bits": "3", "training": live.training}, Choice(EMBEDDED))
    assert choice.training == ""
    assert "otra receta" in errors[0].text.es
    # A program need not say of which recipe it is.
    choice, errors = read_query({"bits": "3", "training": "50:weights:language:training_sample:1:0.001"}, live)
    assert errors == []
    assert choice.recipe().training == Training(50, "weights", "language", rate=0.001, seed=1)
    with pytest.raises(TrainingError, match="another recipe"):
        recipe_of(moved, "")


def test_trainings_that_cannot_be_are_reported() -> None:
    usual = "240:weights:distillation:training_sample:0:0.0005"
    for bad in ("240", "x" + usual, usual + ":1:2", usual.replace("weights", "all"), usual.replace("240", "0"),
                usual.replace("training_sample", "own-0123456789abcdef"), usual.replace("0.0005", "1")):  # fmt: skip
        choice, errors = read_query({"bits": "2", "training": bad}, Choice(EMBEDDED))
        assert (choice.bits, choice.training, len(errors)) == (2, "", 1), bad
    choice, errors = read_query({"format": "MXFP4", "training": usual}, Choice(EMBEDDED))
    assert "MXFP4" in errors[0].text.es
    assert choice.training == "" or choice.format != "MXFP4"


def test_a_text_of_ones_own_is_in_no_address_and_is_remembered() -> None:
    recipe = planned(EMBEDDED, Plan(text="own", own="Un secreto de nadie más."))
    written = written_training(recipe)
    assert "secreto" not in written
    choice = choice_of(recipe)
    assert choice
    assert choice.recipe() == recipe
    assert "recuerde tu texto" in use(recipe, "es")


# ---- what is shown


def test_each_frame_is_small_and_says_what_was_won_back() -> None:
    for bits in SCHEMES:
        for la in LANGUAGES:
            frame = core(a_learning(planned(EMBEDDED, Plan(bits))), LAYER, la)
            assert len(frame.encode()) < 6000, (bits, la)
            assert frame.count("<svg") == 4
            assert "{" not in frame
            assert "<b>&lt;" not in frame
            assert "&lt;b&gt;" in frame, "what a model writes is text"
    words = said(a_learning(planned(EMBEDDED, Plan())))
    assert "80% of what PTQ lost" in words.en
    assert "de 2 a 0,4 nats" in words.es


def test_the_sentence_follows_the_figures() -> None:
    recipe = planned(EMBEDDED, Plan())
    for kls, said_ in (
        ((2.0,), "where it starts"),
        ((2.0, 3.0), "more than PTQ"),
        ((2.0, 1.95), "more steps"),
        ((0.01, 0.0098), "not needed"),
        ((0.01, 0.002), "80%"),
    ):
        assert said_ in said(a_learning(recipe, kls)).en, kls
    start = shown(a_learning(recipe, (2.0,)), LAYER, "es")
    assert "Usar este modelo" not in start, "there is none before the first step"
    broken = replace(a_learning(recipe), problem=TrainingError(t.EXPORT_FIRST))
    assert 'role="alert"' in shown(broken, LAYER, "es")
    scales = a_learning(planned(EMBEDDED, Plan(learn="scales")))
    assert "cada peso sigue en su código" in shown(scales, LAYER, "es")


def test_two_stretches_are_shown_as_one() -> None:
    recipe = planned(EMBEDDED, Plan())
    first = a_learning(recipe, (2.0, 1.0), losses=20)
    later = Learning(first.recipe, ((21, 0.5), (22, 0.4)), tuple(
        replace(c, step=c.step + 20) for c in a_learning(recipe, (1.0, 0.2)).checks), 40.0, "", 7.0)  # fmt: skip
    both = joined(first, later)
    assert [c.kl for c in both.checks] == [2.0, 1.0, 0.2]
    assert [c.seconds for c in both.checks] == [0.0, 5.0, 10.0]
    assert (both.seconds, both.recovered) == (12.0, 0.9)
    assert len(both.losses) == 22
    anew = a_learning(recipe, (2.0, 1.5))
    assert joined(both, anew) is anew
    assert joined(None, later) is later
    kept = Learnings(1)
    kept.keep(recipe, first)
    assert kept.get(replace(recipe, training=replace(recipe.training, steps=99))) is first
    kept.keep(planned(EMBEDDED, Plan("3")), first)
    assert kept.get(recipe) is None, "room for one"
    assert len(thinned([(i, 1.0) for i in range(1000)])) <= 400


# ---- live, on a small model


@pytest.fixture(scope="module")
def lab(hub_folder: Path) -> Lab:
    return Lab(hub_folder)


@pytest.fixture(scope="module")
def trained(lab: Lab) -> Recipe:
    """A recipe whose training has been watched for a moment, with a second stretch after it."""
    name = lab.default()
    recipe = planned(name, State.read("2:rtn:weights:distillation:training_sample:0:0:0:0:15").plan)
    watched = Watched(own_text("El mar y la playa. " * 40), "Me gusta", default_layer(lab.loaded(name)))
    frames = list(train(lab, "es", Ready(recipe, 1, watched), anew=True))
    assert frames[0].picture is None
    assert [f for f in frames if f.picture]
    assert frames[-1].said == ""
    steps = lab.learnings.get(recipe).checks[-1].step
    assert steps > 0
    list(train(lab, "en", Ready(recipe, 1, watched), anew=False))
    known = lab.learnings.get(recipe)
    assert known.checks[0].step == 0
    assert known.checks[-1].step > steps, "it went on"
    return known.recipe


def test_the_trained_model_is_live_everywhere(lab: Lab, trained: Recipe) -> None:
    assert lab.is_live(trained)
    choice = choice_of(trained)
    assert choice
    assert Drawn(lab).waited_for(choice)
    loaded = lab.loaded(trained.model)
    layer = next(x for x in census(loaded) if x.name == default_layer(loaded))
    held = {n: h for n, _, h in packed_matrices(finished(lab.quantized(trained)).model)}
    assert (lab.stored(trained, layer).q.codes == held[layer.name].quantized().q.codes).all()
    with pytest.raises(QuantError, match="steps of training come first"):
        lab.stored(replace(trained, training=replace(trained.training, seed=7)), layer)


def test_the_same_steps_give_the_same_model_again(lab: Lab, trained: Recipe, hub_folder: Path) -> None:
    few = replace(trained, training=replace(trained.training, steps=2))
    one, other = (finished(x.quantized(few)) for x in (lab, Lab(hub_folder)))
    for (name, _, a), (_, _, b) in zip(packed_matrices(one.model), packed_matrices(other.model), strict=True):
        assert (a.quantized().q.codes == b.quantized().q.codes).all(), name


def test_impossible_trainings_are_refused_before_any_work(lab: Lab) -> None:
    asked = Asked(lab.default(), "2:rtn:weights:distillation:own:0.0:0:0:0:15", "Muy corto.")
    frames = list(training(lab, "es", anew=True).frames(asked))
    assert len(frames) == 1
    assert "tokens" in frames[0].said
    assert frames[0].train["interactive"], "the button is free again"
    ternary = replace(asked, written="1.58:rtn:weights:distillation:training_sample:0.0:0:0:0:15", own="")
    assert "256" in next(training(lab, "en", anew=True).frames(ternary)).said, "groups that this model is too small for"
    assert "not understood" in next(training(lab, "en", anew=True).frames(replace(asked, written="2"))).said
    empty = replace(asked, written="3" + asked.written[1:].replace("own", "training_sample"))
    assert "Entrena antes" in next(exporting(lab, "es").frames(empty)).said


def test_a_training_waits_in_a_lane_of_its_own(lab: Lab) -> None:
    assert training(lab, "es", anew=True).lane is lab.training
    assert lab.training is not lab.heavy


# ---- another grid


def test_another_grid_loses_what_was_learned(lab: Lab, trained: Recipe) -> None:
    loaded, model = lab.loaded(trained.model), finished(lab.quantized(trained))
    text = EvalText("own", own_text("a b").title, ("El mar y la playa de la ciudad. " * 12,) * 3)
    found = finished(export_costs(lab, trained, text))
    assert [one.scheme for one in found] == others(trained.rules[0].scheme)[:2], "blocks of 256 do not fit it"
    for one in found:
        assert one.own == pytest.approx(float(compare(lab.reference(loaded.name, text), model).tokens.kl.mean()))
        assert one.moved > 0
    symmetric = found[0]
    assert symmetric.moved > symmetric.own, "three values where four were learned"
    written = dense(loaded, model)
    ids = torch.arange(1, 30).unsqueeze(0)
    with torch.no_grad():
        one, other = (m.model(ids).logits for m in (written, model))
    torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)
    moved = finished(exported(loaded, model, trained, symmetric.scheme))
    assert {h.scheme for _, _, h in packed_matrices(moved.model)} == {symmetric.scheme}
    assert stored_on(trained, symmetric.scheme).training is None


def test_what_stands_beside_codes_cannot_be_written_out(lab: Lab) -> None:
    loaded = lab.loaded(lab.default())
    scaled = finished(lab.quantized(Recipe.uniform(SCHEMES["4"], model=loaded.name, steps=(Step("smooth"),))))
    with pytest.raises(QuantError, match="more than codes and scales"):
        dense(loaded, scaled)


def test_every_grid_of_the_table_has_a_name_and_a_place() -> None:
    for bits, scheme in SCHEMES.items():
        found = [Exported(one, 0.1, 0.1 + i, 0.5) for i, one in enumerate(others(scheme))]
        assert len(found) >= 2, bits
        for la in LANGUAGES:
            made = export_html(scheme, found, la)
            assert made.count("<tr>") == len(found) + 2, bits
            assert "{" not in made
    assert others(Recipe().rules[0].scheme) == [], "nothing is trained for it here"


# ---- rungs


@pytest.mark.parametrize("language", LANGUAGES)
def test_rungs_of_equal_bytes_stand_in_one_table_with_where_they_began(language: Language) -> None:
    kept = Learnings()
    weights = planned(EMBEDDED, Plan("2"))
    scales, other = planned(EMBEDDED, Plan("2", "rtn", "scales")), planned(EMBEDDED, Plan("4"))
    assert ladder_html(kept.beside(weights), language) == ""
    kept.keep(weights, a_learning(weights, (2.13, 0.417)))
    kept.keep(scales, a_learning(scales, (4.27, 1.53)))
    kept.keep(other, a_learning(other, (0.1, 0.0731)))
    assert len(kept.beside(weights)) == len(kept.beside(scales)) == 2
    table = ladder_html(kept.beside(weights), language)
    places = [table.index(number(kl, language, 3)) for kl in (0.417, 1.53, 2.13, 4.27)]
    assert places == sorted(places), "least first"
    assert table.count("PTQ: ") == 2
    assert LEARNED["scales"][language] in table
    assert number(0.0731, language, 3) not in table
