"""Presupuesto and Sensibilidad: what is asked for, the sentence by its rule, the map, what is recorded."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from quant.errors import BudgetError, ModelError
from quant.evaluation.bootstrap import Interval
from quant.evaluation.costs import PALETTES, kl, sensitivity_text
from quant.evaluation.figures import Estimate
from quant.evaluation.sensitivity import KEYS, with_part
from quant.lab import Lab
from quant.model.layers import Kind, census
from quant.model.load import EMBEDDED
from quant.quantization import quantize_model
from quant.recorded import WEIGHTS
from quant.recorded_choices import FILE, read, recorded_choices
from quant.text import Text
from quant.ui.sidebar.choice import query_of
from quant.ui.tabs.choose.budget import measuring, pictures
from quant.ui.tabs.choose.budget_known import Figures, Known, figures_of, known
from quant.ui.tabs.choose.budget_show import lead, predicted, shown
from quant.ui.tabs.choose.budget_state import State
from quant.ui.tabs.choose.sensitivity import Effects, guesses_html, of_recorded, sentences
from quant.ui.tabs.choose.sensitivity import known as known_sensitivities
from quant.ui.tabs.choose.sensitivity import shown as sensitivity_shown


@pytest.fixture(scope="module")
def lab() -> Lab:
    return Lab()


@pytest.fixture(scope="module")
def now(lab: Lab) -> Known:
    found = known(lab, EMBEDDED, State())
    assert found is not None
    return found


def figures(kl: float, *, documents: int = 40, wobble: float = 0.0) -> Figures:
    """A recipe that loses so much in each document, every other one more."""
    sums = tuple(kl * 100 * (1 + wobble * (-1) ** i) for i in range(documents))

    class Scored:
        kl_sums = sums
        tokens = (100.0,) * documents

    return Figures(Estimate(kl, Interval(kl * 0.9, kl * 1.1)), Scored(), True)


def test_what_is_asked_for_is_read_or_refused() -> None:
    assert State.read("") == State()
    assert State.read("loss:3.5:0.02:512:llamacpp") == State("loss", 3.5, 0.02, 512, "llamacpp")
    for bad in ("size", "size:a:0.1:0:integers", "size:-1:0.1:0:integers", "size:nan:0.1:0:integers",
                "size:3:0.1:7:integers", "size:3:0.1:0:none", "speed:3:0.1:0:integers",
                "size:1e9:0.1:0:integers"):  # fmt: skip
        with pytest.raises(BudgetError):
            State.read(bad)


def test_the_sentence_follows_the_paired_interval(now: Known) -> None:
    mixed = replace(now, measured=figures(0.1), uniform_measured=figures(0.2))
    assert lead(mixed).es.endswith("un 50\N{NARROW NO-BREAK SPACE}% menos.")
    assert "quédate con la uniforme" in lead(replace(mixed, measured=figures(0.3))).es
    tied = replace(mixed, measured=figures(0.2, wobble=0.5))
    assert "no se distinguen" in lead(tied).es
    assert "se espera perder" in lead(replace(now, measured=None)).es
    assert "ninguna receta uniforme cabe" in lead(replace(mixed, uniform=None, uniform_measured=None)).es
    assert predicted(replace(now, measured=None)) is None
    said = predicted(replace(mixed, mix=replace(now.mix, predicted=0.05)))
    assert said is not None
    assert "factor de 2" in said.es


def test_the_map_says_every_part_once(lab: Lab) -> None:
    found = known(lab, EMBEDDED, State(context=512))
    assert found is not None
    loaded = lab.loaded(EMBEDDED)
    _, below = shown(loaded, found, "es")
    cells = re.findall(r'title="([^"]+)">([^<]+)<', below)
    matrices = [layer for layer in census(loaded) if layer.kind is not Kind.OTHER]
    assert len(cells) == len(matrices) + 2
    assert "Claves" in below
    shares = [float(x) for x in re.findall(r"\((\d+)\N{NARROW NO-BREAK SPACE}% de la pérdida", below)]
    assert sum(shares) == pytest.approx(100, abs=len(shares) / 2)
    assert query_of(found.mix.recipe)
    assert below.count("data-recipe-whole") == 2, "a mix never stands without the uniform recipe"


def test_an_impossible_budget_says_the_least(lab: Lab) -> None:
    made = pictures(lab, "es", EMBEDDED, State(mb=0.5))
    assert "lo mínimo posible" in (made.lead or "")
    frames = list(measuring(lab, "en").frames((EMBEDDED, "size:0.5:0.1:0:integers")))
    assert "the least possible" in frames[-1].said
    assert "least possible" in (pictures(lab, "en", EMBEDDED, State(want="loss", nats=1e-9)).lead or "")


def test_another_model_is_worked_out_first(hub_folder: Path) -> None:
    own = Lab(hub_folder)
    made = pictures(own, "es", own.names()[0], State())
    assert "aún no se sabe" in (made.lead or "")


# ---- what is recorded


def test_the_recorded_costs_are_of_these_weights_and_ways(lab: Lab) -> None:
    found, loaded = recorded_choices(), lab.loaded(EMBEDDED)
    names = [layer.name for layer in census(loaded) if layer.kind is not Kind.OTHER]
    assert {one.palette for one in found.losses} == set(PALETTES)
    for one in found.losses:
        assert list(one.matrices) == [way.name for way in PALETTES[one.palette]]
        assert all(sorted(by) == sorted(names) for by in one.matrices.values())
        assert set(one.cache[KEYS]) == {"16", "8", "6", "4", "3", "2"}
    assert FILE.stat().st_size < 160_000


def test_a_recorded_cost_is_what_is_measured_now(lab: Lab) -> None:
    loaded, reference = lab.loaded(EMBEDDED), lab.reference(EMBEDDED, sensitivity_text())
    way = next(way for way in PALETTES["llamacpp"] if way.name == "Q8_0")
    name = "transformer.h.0.mlp.c_fc"
    of = recorded_choices().of("llamacpp")
    assert of is not None
    made = quantize_model(loaded, way.recipe(EMBEDDED))
    assert of.matrices["Q8_0"][name] == pytest.approx(kl(reference, with_part(loaded, made, name)), rel=0.02)


def test_the_shipped_mixes_hold_what_a_budget_must(lab: Lab) -> None:
    """At 3.5, 4.5 and 6 bits a weight: at most 0.9 of the best uniform recipe's KL at two, nowhere above 1.05; and
    predicted within a factor of 1.5.
    """
    loaded, ratios, factors = lab.loaded(EMBEDDED), [], []
    weights = sum(layer.parameters for layer in census(loaded) if layer.kind is not Kind.OTHER)
    rest = 4 * sum(layer.parameters for layer in census(loaded) if layer.kind is Kind.OTHER)
    for bits in (3.5, 4.5, 6.0):
        found = known(lab, EMBEDDED, State(mb=(int(bits * weights / 8) + rest) / 1e6))
        assert found is not None
        assert found.measured is not None, bits
        assert found.uniform_measured is not None, bits
        ratios.append(found.measured.kl.value / found.uniform_measured.kl.value)
        factors.append(found.mix.predicted / found.measured.kl.value)
        assert found.difference is not None
        assert found.difference.high < 0, bits
    assert max(ratios) <= 1.05
    assert sorted(ratios)[1] <= 0.9
    assert all(1 / 1.5 <= factor <= 1.5 for factor in factors), factors


def test_recorded_of_other_weights_is_refused(tmp_path: Path) -> None:
    content = json.loads(FILE.read_text(encoding="utf8"))
    other = tmp_path / "choices.json"
    other.write_text(json.dumps({**content, "model_sha256": "0" * 64}))
    with pytest.raises(ModelError):
        read(other, WEIGHTS)


def test_figures_are_live_before_they_are_recorded(lab: Lab, now: Known) -> None:
    assert now.uniform is not None
    found = figures_of(lab, now.uniform.recipe)
    assert found is not None
    assert not found.live


# ---- sensitivity


def test_sensitivity_says_what_its_figures_say(lab: Lab) -> None:
    found = known_sensitivities()
    assert len(found) == 4
    loaded = lab.loaded(EMBEDDED)
    for name, one in found:
        assert one.control == 0
        said = sensitivity_shown(loaded, of_recorded(name, one), "en")
        assert said.count('nats"') == len(one.effects), name
    html = guesses_html(found, "en")
    assert "Gradient times change” ranks" in html.replace("&#34;", "”")
    ranks = dict(found)["gptq3"].ranks
    assert ranks["gradient"] > 0.9 > 0.6 > ranks["cosine"]


def test_its_sentences_follow_their_rules() -> None:
    usual = Effects(Text("x", "x"), {"a": 0.2, "b": 0.1}, {"a": 0.2, "b": 0.1}, None, 0.3, 0.0)
    assert "sumando" in sentences(usual)[0].es
    assert "engaña" in sentences(replace(usual, together=0.9))[0].es
    assert "lo mismo" in sentences(usual)[1].es
    assert "donde menos duele" in sentences(replace(usual, noise={"a": 2.0, "b": 1.0}))[1].es
    assert "podría evitar" in sentences(replace(usual, noise={"a": 0.02, "b": 0.01}))[1].es
