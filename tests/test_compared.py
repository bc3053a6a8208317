"""Methods side by side: what a row says, what is a tie, what is recorded, what the section and the README say of it."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import SENTENCES
from torch import Generator, Tensor
from working import steps

from quant.bench import methods as bench
from quant.bench.methods_table import README, written
from quant.errors import EvaluationError, ModelError, SchemeError
from quant.evaluation.contenders import BASELINE, contenders, standard
from quant.evaluation.layer_error import layer_errors
from quant.evaluation.methods import Row, Rows, below, difference, pace_key, rows, standard_recipes
from quant.hadamard import rotated
from quant.lab import Lab
from quant.methods import METHODS
from quant.methods.base import Method, NoKnobs, Statistics
from quant.methods.rtn import quantize as rounded
from quant.model.load import LoadedModel
from quant.plots.methods import Dot, against_bytes, against_seconds, ranking
from quant.plots.style import QUANTIZED
from quant.quantization import quantize_model
from quant.recipe import Calibration, Recipe, Rule, Step, cache_scheme
from quant.recorded import WEIGHTS
from quant.recorded_methods import FILE, Compared, Recorded, of_row, read, recorded_methods, tied_with
from quant.scheme import PerGroup, Scheme
from quant.size import size_report
from quant.text import Language, Text
from quant.texts import EvalText
from quant.ui.sidebar.choice import query_of
from quant.ui.tabs.methods import compare_python, compare_show
from quant.ui.tabs.methods.compare import comparing
from quant.ui.tabs.methods.compare_python import python_of
from quant.ui.tabs.methods.compare_rows import Shown, State, shown
from quant.ui.tabs.methods.compare_show import as_csv, lead, surprise
from quant.weight import QuantWeight
from quant.work import finished

LANGUAGES: tuple[Language, Language] = ("es", "en")
TEXT = EvalText(
    "twelve", Text("Doce", "Twelve"), tuple(f"{SENTENCES[i % 6]} {SENTENCES[(i + 1) % 6]}" for i in range(12))
)
TOLERANCE = 1e-3


@pytest.fixture(scope="module")
def lab(hub_folder: Path) -> Lab:
    return Lab(hub_folder)


@pytest.fixture(scope="module")
def model(lab: Lab) -> LoadedModel:
    return lab.loaded(lab.names()[0])


@pytest.fixture(scope="module")
def made(lab: Lab, model: LoadedModel) -> dict[int, Row]:
    found = [standard(BASELINE, bits, model) for bits in (8, 4, 3, 2)]
    return dict(zip((8, 4, 3, 2), finished(rows(lab, found, TEXT)), strict=True))


def compared(name: str, sums: list[float], bits: float = 3.3, weight: float = 14.0, output: float = 16.0) -> Compared:
    kl = sum(sums) / (10 * len(sums))
    return Compared(
        name=name, bits=3, recipe={}, bits_per_weight=bits, stored_bytes=1000, seconds=1.0, weight_db=weight,
        output_db=output, kl={"value": kl, "low": 0.9 * kl, "high": 1.1 * kl}, perplexity={"value": 40.0},
        kl_sums=tuple(sums), tokens=(10.0,) * len(sums),
    )  # fmt: skip


def test_a_row_says_what_each_of_its_parts_says(lab: Lab, model: LoadedModel, made: dict[int, Row]) -> None:
    for bits, row in made.items():
        report = size_report(model, row.recipe)
        assert row.bits_per_weight == report.quantized_bits_per_weight > bits
        assert row.stored_bytes == report.stored_bytes
        assert row.seconds is not None
        assert row.kl_sums is not None
        assert row.tokens is not None
        assert sum(row.kl_sums) / sum(row.tokens) == pytest.approx(row.figures.kl_mean.value)
    by_bits = [made[bits] for bits in (8, 4, 3, 2)]
    assert sorted(by_bits, key=lambda r: r.figures.kl_mean.value) == by_bits
    assert sorted(by_bits, key=lambda r: -r.weight_db) == by_bits


def test_a_row_is_made_once_and_its_time_is_kept(lab: Lab, model: LoadedModel, made: dict[int, Row]) -> None:
    again, other = finished(rows(lab, [made[3].recipe], TEXT)), replace(TEXT, documents=TEXT.documents[:11])
    assert again[0] is made[3]
    on_other = finished(rows(lab, [made[3].recipe], other))[0]
    assert on_other.cached
    assert on_other.seconds == made[3].seconds
    assert lab.rows.expected(made[3].recipe, 1000, TEXT) is not None
    assert lab.rows.expected(standard("search", 3, model), 1000, TEXT) is None, "no row yet, and it is said"
    paces = [
        Recipe.uniform(), Recipe.uniform(steps=(Step("hadamard"),)), Recipe.uniform(method="autoround"),
        Recipe.uniform(method="autoround", knobs=METHODS["autoround"].set_knobs({"steps": 50})),
        Recipe.uniform(method="autoround", calibration=Calibration(tokens=512)),
    ]  # fmt: skip
    assert len(set(map(pace_key, paces))) == len(paces)


def test_what_is_kept_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quant.evaluation.methods.MOST_ROWS", 3)
    kept, recipes = Rows(), [Recipe.uniform(model=f"{i}") for i in range(5)]
    for place, recipe in enumerate(recipes):
        kept.made(recipe, 1000, float(place))
        kept.read(recipe.model, TEXT, 1.0)
    assert [kept.seconds(recipe) for recipe in recipes] == [None, None, 2.0, 3.0, 4.0]
    assert kept.expected(recipes[-1], 2000, TEXT) == 9.0, "the pace of a method that goes on being used stays"
    assert kept.expected(recipes[0], 2000, TEXT) is None


def test_a_recipe_of_the_cache_alone_has_a_row(lab: Lab, model: LoadedModel) -> None:
    only = Recipe((Rule("linear:*"),), model=model.name, cache=cache_scheme(8, 8))
    row = finished(rows(lab, [only], TEXT))[0]
    assert (row.bits_per_weight, row.weight_db, row.output_db) == (32, math.inf, math.inf)
    assert row.figures.kl_mean.value > 0
    assert of_row("cache", 32, row).weight_db is None


def test_stopping_keeps_what_is_finished(lab: Lab, model: LoadedModel) -> None:
    text = replace(TEXT, name="stopped")
    recipes = [standard(BASELINE, bits, model) for bits in (5, 6)]
    work = rows(lab, recipes, text)
    while not (step := next(work)).so_far:
        assert step.fraction < 1
    work.close()
    assert lab.rows.get(recipes[0], text) is not None
    assert lab.rows.get(recipes[1], text) is None


def test_progress_rises_layer_by_layer(lab: Lab, model: LoadedModel) -> None:
    said, _ = steps(rows(lab, [standard(BASELINE, bits, model) for bits in (7, 4)], replace(TEXT, name="progress")))
    fractions = [step.fraction for step in said]
    assert fractions == sorted(fractions)
    assert len(fractions) > 2 * 8, "each of eight matrices moves it"
    assert fractions[-1] == 1


def test_nothing_is_measured_where_one_recipe_cannot_be(lab: Lab, model: LoadedModel) -> None:
    text, wrong = replace(TEXT, name="wrong"), Recipe.uniform(Scheme.integer(4, PerGroup(48)), model=model.name)
    with pytest.raises(SchemeError):
        next(rows(lab, [standard(BASELINE, 4, model), wrong], text))
    assert lab.rows.get(standard(BASELINE, 4, model), text) is None


def test_a_tie_is_called_a_tie() -> None:
    rng = np.random.default_rng(0)
    hard = rng.uniform(1, 20, 12)  # texts that are hard for all
    a = compared("a", list(hard))
    better, alike = compared("b", list(0.95 * hard)), compared("c", list(hard + rng.normal(0, 0.4, 12)))
    assert below(better, a)
    assert not below(a, better)
    assert not below(alike, a)
    assert not below(a, alike)
    assert tied_with(a, [a, better, alike]) == [better, alike]
    assert difference(a, replace_tokens(better)) is None, "other tokens are not paired"


def replace_tokens(row: Compared) -> Compared:
    return row.model_copy(update={"tokens": tuple(n + 1 for n in row.tokens or ())})


def test_every_contender_gets_nearly_equal_bits(model: LoadedModel) -> None:
    for bits in (3, 4):
        usual = size_report(model, standard(BASELINE, bits, model)).quantized_bits_per_weight
        for name, recipe in standard_recipes(model, list(contenders()), bits).items():
            got = size_report(model, recipe).quantized_bits_per_weight
            beside = METHODS[recipe.rules[0].method].beside(recipe.rules[0].scheme, (64, 64), recipe.rules[0].knobs)
            thin = "low_rank.a" in beside  # two matrices in float16, which weigh as much as a small model's own
            assert bits <= got < bits + (6 if thin else 1.5), f"{name}: {got}, and rounding takes {usual}"
            assert recipe.rules[0].method == contenders()[name].method


def test_output_error_is_that_of_the_outputs(tiny: LoadedModel) -> None:
    """A rotation moves weights into other coordinates; in those, and only there, its error is that of rounding."""
    scheme = Scheme.integer(4, PerGroup(64))
    plain, turned = (Recipe.uniform(scheme, steps=steps) for steps in ((), (Step("hadamard"),)))
    for recipe in (plain, turned):
        found = finished(layer_errors(tiny, quantize_model(tiny, recipe)))
        assert 15 < found.weights < 25, recipe.steps
        assert found.outputs is not None
        assert abs(found.outputs - found.weights) < 6, recipe.steps
    assert rotated(torch.eye(64), 64).shape == (64, 64)


def test_a_new_method_appears_by_itself(lab: Lab, model: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(w: Tensor, scheme: Scheme, s: Statistics, k: NoKnobs, g: Generator | None) -> QuantWeight:
        return QuantWeight(rounded(w * 1.02, scheme))

    name = Text("Inventado", "Made up")
    monkeypatch.setitem(METHODS, "made_up", Method("made_up", name, name, "nobody", run))
    row = finished(rows(lab, [standard("made_up", 4, model)], TEXT))[0]
    assert row.recipe.rules[0].method == "made_up"
    state = State(4, ("rtn", "made_up"), "enciclopedia")
    assert State.read("4:made_up,rtn:enciclopedia") == state
    assert "made_up" in compare_show.methods_html("es").lower() or "Inventado" in compare_show.methods_html("es")


# ---- what is recorded


def test_what_is_recorded_is_of_the_weights_that_ship(tmp_path: Path) -> None:
    found = recorded_methods()
    assert {row.bits for row in found.rows} == {8, 4, 3, 2}
    other = json.loads(FILE.read_text(encoding="utf8")) | {"model_sha256": "0" * 64}
    (tmp_path / "methods.json").write_text(json.dumps(other))
    with pytest.raises(ModelError):
        read(tmp_path / "methods.json", WEIGHTS)


def test_a_recorded_row_computed_again_is_the_same() -> None:
    was = next(row for row in recorded_methods().rows if (row.name, row.bits) == (BASELINE, 3))
    own = Lab()
    assert standard(BASELINE, 3, own.loaded("embedded")) == was.made
    again = of_row(BASELINE, 3, finished(rows(own, [was.made], bench.default_text()))[0])
    assert again.stored_bytes == was.stored_bytes
    assert again.tokens == was.tokens
    for name in ("bits_per_weight", "weight_db", "output_db"):
        assert getattr(again, name) == pytest.approx(getattr(was, name), rel=TOLERANCE), name
    assert again.kl.value == pytest.approx(was.kl.value, rel=TOLERANCE)
    assert again.perplexity.value == pytest.approx(was.perplexity.value, rel=TOLERANCE)


def test_the_readme_has_the_table_that_is_recorded() -> None:
    text = README.read_text(encoding="utf8")
    assert written(text, recorded_methods()) == text, "python -m quant.bench.methods --readme"


def test_the_bench_goes_on_where_it_stopped(lab: Lab, tmp_path: Path) -> None:
    file = tmp_path / "methods.json"
    table = bench.Table(file, lab, lab.names()[0], TEXT)
    table.measure(["rtn"], [4, 3])
    table.also("cache", lambda: bench.cache_rows(lab, table.model, TEXT))
    first = json.loads(file.read_text(encoding="utf8"))
    assert [(row["name"], row["bits"]) for row in first["rows"]] == [("rtn", 4), ("rtn", 3)]
    assert {"kl_3bit_best_vs_rounding", "kl_4bit_best_vs_rounding"} <= set(first["ratios"])
    assert {"threads", "seed", "packages"} <= set(first["environment"])
    assert "cache" in first or "cache" in first["skipped"]
    again = bench.Table(file, lab, lab.names()[0], TEXT)
    assert again.rows == table.rows
    stale = table.rows[0].model_copy(update={"code": "of another day"})
    assert bench.Table(None, lab, lab.names()[0], TEXT)._known("rtn", 4, stale.made) is None
    assert Recorded(**json.loads(again.recorded())).rows == tuple(again.ordered())


def test_a_digest_covers_all_that_a_method_computes_with() -> None:
    names = {name: {file.stem for file in bench.files_of(name)} for name in contenders()}
    assert {"gptq", "feedback", "grid", "fits", "base", "blockwise", "folding", "qtensor"} <= names["gptq"]
    assert {"awq", "rtn", "grid"} <= names["awq"]
    assert {"smooth", "rtn", "grid"} <= names["smooth"]
    assert not {"kquant", "kmeans"} & names["gptq"]
    assert bench.code_of("gptq") != bench.code_of("awq")


def test_ratios_are_of_the_best_calibrated_method() -> None:
    reads = Recipe.uniform(method="rtn")
    rows = [compared("rtn", [10.0] * 8), compared("gptq", [2.0] * 8), compared("hqq", [1.0] * 8)]
    from quant.recipe_json import recipe_to_json

    needing = next((m for m in METHODS.values() if m.needs), None)
    assert needing is not None
    scheme = next(s for s in bench_schemes() if needing.fits(s))
    calibrated = recipe_to_json(Recipe.uniform(scheme, method=needing.name))
    given = [rows[0].model_copy(update={"recipe": recipe_to_json(reads)}),
             rows[1].model_copy(update={"recipe": calibrated}),
             rows[2].model_copy(update={"recipe": recipe_to_json(reads)})]  # fmt: skip
    assert bench.ratios(given)["kl_3bit_best_vs_rounding"] == pytest.approx(0.2)
    assert bench.ratios(given)["kl_3bit_best"] == "gptq"
    assert bench.ratios([])["kl_4bit_best_vs_rounding"] is None


def bench_schemes() -> list[Scheme]:
    from quant.evaluation.contenders import schemes

    return list(schemes(4))


# ---- what the section says


def of(*rows: Compared) -> Shown:
    ranked = tuple(sorted(rows, key=lambda r: r.kl.estimate.value))
    return Shown(State(3, tuple(r.name for r in rows), "enciclopedia"), ranked, ())


def test_the_sentence_says_who_wins_who_ties_and_who_is_worse() -> None:
    hard = np.random.default_rng(1).uniform(5, 20, 12)
    base = compared("rtn", list(hard))
    search, importance = compared("search", list(0.5 * hard)), compared("importance", list(1.3 * hard))
    said = lead(of(base, search, importance))
    assert "2 veces menor" in said.es
    assert "2 times less" in said.en
    under = compare_show.notes_html(of(base, search, importance), "es")
    assert METHODS["importance"].title.es in under.partition("Pierden más")[2]
    tied = compared("importance", list(0.5 * hard + np.tile([0.2, -0.2], 6)))
    assert METHODS["importance"].title.en in lead(of(base, search, tied)).en.partition("Tied")[2]
    assert "nada mejora" in lead(of(base, importance)).es
    near = compared("search", list(hard - 0.02 + np.tile([0.4, -0.4], 6)))
    assert "nada se distingue" in lead(of(base, near)).es
    assert "pulsa" in lead(Shown(State.usual(), (), ())).es


def test_the_sentence_says_no_more_than_is_known() -> None:
    hard = np.random.default_rng(1).uniform(5, 20, 12)
    base, search, gptq = (compared(n, list(f * hard)) for n, f in (("rtn", 1), ("search", 0.95), ("gptq", 0.5)))
    alone = of(base)
    assert "nada mejora" not in lead(alone).es
    assert "compararlo" in lead(alone).es
    some = replace(of(base, search), state=State(3, ("rtn", "search", "gptq"), "enciclopedia"))
    assert lead(some).es.startswith("De lo que se sabe con 3 bits (2 de 3 métodos), ")
    assert "(2 of 3 methods)" in lead(some).en
    assert "De lo que" not in lead(replace(some, left=("gptq",))).es, "it takes no such format"
    assert "un 5\N{NO-BREAK SPACE}% menor" in lead(of(base, search)).es, "and not 1,1 times"
    assert "5% less" in lead(of(base, search)).en
    assert "«GPTQ»" in lead(of(base, gptq)).es, "without what explains it"
    assert "Marca al menos" in lead(Shown(State.read("4::enciclopedia"), (), ())).es


def test_a_factor_near_one_is_a_percentage() -> None:
    for value, said in ((0.5, "÷ 2"), (0.95, "−5 %"), (1.0, "+0,0 %"), (1.004, "+0,4 %"), (1.5, "× 1,5")):
        assert compare_show.beside(value, 1.0).es.replace("\N{NO-BREAK SPACE}", " ") == said


def test_names_in_a_figure_stay_apart_and_inside() -> None:
    rng = np.random.default_rng(5)
    names = [name for name in contenders() if name != "rtn"]
    found = of(compared("rtn", [10.0] * 8), *(compared(n, [float(rng.uniform(1, 12))] * 8) for n in names))
    dots = [replace(d, seconds=float(10 ** rng.uniform(-1, 2))) for d in compare_show.dots(found)]
    drawn = against_seconds(dots, "es")
    named = {a.text for a in drawn.layout.annotations}
    assert 3 < len(named) <= len(dots)
    assert len(named) == len(drawn.layout.annotations), "each once"
    assert not any(":" in name.replace("LLM.int8():", "") for name in named)
    last = max(dots, key=lambda d: d.seconds or 0)
    assert [a.xanchor for a in drawn.layout.annotations if a.text == last.bold(last.short, "es")] in ([], ["right"])
    assert {d.color for d in dots if not d.base} == {QUANTIZED}, "blue is the original's"
    best = next(d for d in dots if d.best)
    bold = [str(a.text) for a in ranking(dots, "es").layout.annotations if "<b>" in str(a.text)]
    assert bold == [f"<b>{best.name.es}</b>"]


def test_what_takes_more_bytes_does_not_win() -> None:
    base, near = compared("rtn", [10.0] * 8), compared("search", [5.0] * 8)
    heavy = compared("hadamard", [1.0] * 8, bits=4.6)
    seen = of(base, near, heavy)
    assert seen.best is near
    assert seen.rows[0] is heavy, "in its place all the same"
    assert compare_show.short("hadamard").es in (compare_show.unequal(seen) or Text("", "")).es
    assert compare_show.unequal(of(base, near)) is None


def test_what_surprises_is_said_only_where_it_is_so() -> None:
    base, usual = compared("rtn", [10.0] * 8), compared("search", [5.0] * 8, weight=15.0, output=18.0)
    assert surprise(of(base, usual)) is None
    odd = compared("importance", [4.0] * 8, weight=12.0, output=19.0)
    said = surprise(of(base, usual, odd))
    assert said is not None
    assert METHODS["importance"].title.en in said.en
    assert "12" in said.en


def test_figures_are_drawn_of_what_there_is() -> None:
    dots = compare_show.dots(of(compared("rtn", [10.0] * 8), compared("search", [5.0] * 8)))
    for language in LANGUAGES:
        drawn = ranking(dots, language)
        assert list(drawn.data[-1].x) == pytest.approx([0.5, 1.0], abs=1) or len(drawn.data[-1].x) == 2
        assert drawn.layout.xaxis.type == "log"
        assert against_seconds(dots, language).layout.yaxis.type == "log"
        assert against_seconds([replace(d, seconds=None) for d in dots], language).data[-1].x == ()
        assert len(against_bytes([[d] for d in dots], language).data) == len(dots) + 1
    assert isinstance(dots[0], Dot)
    assert [d.best for d in dots] == [True, False]


def test_the_python_of_a_row_makes_its_recipe(model: LoadedModel) -> None:
    import quant
    from quant.formats import learned_format
    from quant.scheme import Grid, Offset

    names = {name: value for name, value in vars(quant).items() if name in quant.__all__}
    names |= {"Grid": Grid, "Offset": Offset, "learned_format": learned_format}
    for name, recipe in standard_recipes(model, list(contenders()), 4).items():
        again = eval(compare_python.recipe_code(recipe), dict(names))
        assert replace(again, model=recipe.model) == recipe, name


def test_the_python_names_what_is_not_as_it_comes() -> None:
    import quant

    given = Recipe.uniform(
        Scheme.integer(4, PerGroup(64), zero_point=True), method="gptq",
        knobs=METHODS["gptq"].set_knobs({"damping": 0.05}), calibration=Calibration(tokens=4096),
    )  # fmt: skip
    code = compare_python.recipe_code(given)
    assert eval(code, {name: value for name, value in vars(quant).items() if name in quant.__all__}) == given, code
    assert "0.05" in code
    assert "4096" in code


def test_a_link_asks_for_the_recipe_or_there_is_none(model: LoadedModel) -> None:
    from urllib.parse import parse_qsl

    from quant.ui.sidebar.choice import Choice, read_query

    link = query_of(standard(BASELINE, 3, model))
    assert link is not None
    for name, recipe in standard_recipes(model, list(contenders()), 3).items():
        if link := query_of(recipe):
            choice, wrong = read_query(dict(parse_qsl(link)), Choice(model.name))
            assert not wrong
            assert choice.recipe() == recipe, name


def test_the_state_is_read_or_refused() -> None:
    assert State.read("") == State.usual()
    assert State.read("4:rtn,nonsense:literatura") == State(4, ("rtn",), "literatura")
    for wrong in (
        "9:rtn:enciclopedia",
        "x",
        "3:rtn:otro",
        "²:rtn:enciclopedia",
        ":::",
        "9" * 5000 + ":rtn:enciclopedia",
    ):
        with pytest.raises(EvaluationError):
            State.read(wrong)


def test_the_section_measures_what_is_asked(lab: Lab, model: LoadedModel) -> None:
    action = comparing(lab, "es")
    nothing = list(action.frames((model.name, "4::enciclopedia", "ranking")))
    assert "Marca al menos" in nothing[-1].said
    assert 'role="alert"' in nothing[-1].said
    before = shown(lab, model.name, State(4, ("rtn",), "enciclopedia"))
    assert before.rows == (), "nothing is recorded of this model"


def test_the_file_has_a_line_for_each_row() -> None:
    given = of(compared("rtn", [10.0] * 8), compared("search", [5.0] * 8))
    lines = as_csv(given.rows).splitlines()
    assert lines[0].startswith("method,bits,bits_per_weight")
    assert [line.split(",")[0] for line in lines[1:]] == ["search", "rtn"]


def test_the_python_is_whole(model: LoadedModel) -> None:
    recipes = standard_recipes(model, ["rtn", "gptq", "kmeans"], 3)
    cell = python_of(Shown(State(3, tuple(recipes), "enciclopedia"), (), (), recipes))
    compile(cell, "cell", "exec")
    assert all(f'"{name}": Recipe.' in cell for name in recipes), "measured or not"
    assert "for name, recipe in recipes.items()" in cell
