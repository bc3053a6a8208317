"""The table of what rounding activations costs: recorded figures are the embedded model's, links mean their recipes."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from quant.activations import ACTIVATIONS
from quant.bench import activations as bench
from quant.errors import ModelError
from quant.evaluation.activation_costs import KINDS, STEPS, WEIGHT_BITS, Case, cases, text
from quant.evaluation.compare import Reference
from quant.evaluation.figures import Estimate
from quant.evaluation.verdict import Verdict
from quant.lab import Lab
from quant.loading import load_model
from quant.model.load import EMBEDDED
from quant.recorded import WEIGHTS, sha256_of
from quant.recorded_activations import FILE, CostRow, RecordedCosts, read, recorded_costs
from quant.texts import own_text
from quant.ui.sidebar.choice import Choice, read_query
from quant.ui.tabs.methods import activations_texts as t
from quant.ui.tabs.methods.activations_costs import Asked, Cost, address, known_costs, measure, sentence, table_html
from quant.ui.tabs.metrics.measure import chosen_text

TOLERANCE = 1e-3  # another processor adds in another order
SHORT = own_text("El tren que va a Sevilla sale a las tres y media, y el de Madrid, un cuarto de hora después. " * 3)


@pytest.fixture(scope="module")
def kept() -> RecordedCosts:
    return recorded_costs()


def test_a_row_computed_again_is_the_same(kept: RecordedCosts) -> None:
    case, original = Case(8, "nvfp4"), load_model()
    again = CostRow(**bench.row(case, Reference(original, text()))[0])
    was = kept.by_case[8, "nvfp4", ""]
    assert again.verdict == was.verdict
    for name in ("kl_mean", "log_ratio", "same_top", "perplexity"):
        for part, value in getattr(was, name).model_dump().items():
            assert getattr(getattr(again, name), part) == pytest.approx(value, rel=TOLERANCE, abs=1e-4), (name, part)


def test_what_ships_is_of_these_weights_and_has_every_case(kept: RecordedCosts) -> None:
    assert kept.model_sha256 == sha256_of(WEIGHTS)
    assert {Case(*key) for key in kept.by_case} == {case for bits in WEIGHT_BITS for case in cases(bits)}
    assert set(bench.kept_rows(FILE)) == {Case(*key) for key in kept.by_case}, "none is missing, and all stay"
    assert text() == chosen_text("enciclopedia", "quick", ""), "what the page measures by default"


def test_other_weights_are_refused(tmp_path: Path) -> None:
    other = tmp_path / "activations.json"
    other.write_text(json.dumps(json.loads(FILE.read_text(encoding="utf8")) | {"model_sha256": "0"}), encoding="utf8")
    with pytest.raises(ModelError, match=r"bench\.activations"):
        read(other, WEIGHTS)


def test_a_link_loads_the_recipe_of_its_row() -> None:
    """What the sidebar of this version has a field for."""
    for case in (Case(bits, kind) for bits in WEIGHT_BITS for kind in ("float", "int8")):
        choice, errors = read_query(dict(parse_qsl(address(case, EMBEDDED))), Choice(EMBEDDED))
        assert (errors, choice.recipe()) == ([], case.recipe()), case
    assert "activations=nvfp4" in address(Case(4, "nvfp4"), EMBEDDED)
    assert address(Case(4, "nvfp4", "hadamard"), EMBEDDED).endswith("&steps=hadamard")


def costs(**kl: float) -> dict[Case, Cost]:
    """Of kinds by name, noticeable from 0.05 nats on and broken from 0.45; `_h` after a name is with the rotation."""
    found = {}
    for name, value in kl.items():
        kind, step = name.removesuffix("_h").replace("_", "-"), "hadamard" if name.endswith("_h") else ""
        verdict = Verdict.BROKEN if value >= 0.45 else Verdict.NOTICEABLE if value >= 0.05 else Verdict.SMALL
        found[Case(8, kind, step)] = Cost(Estimate(value), verdict, "recorded")
    return found


def test_the_sentence_is_what_was_measured() -> None:
    said = sentence(costs(int8=0.006, int8_tensor=0.013, int4=1.9, int4_h=0.71, mxfp4=0.6, nvfp4=0.3), 8)
    assert said.es == (
        "Con pesos de 8 bits, este modelo aguanta 8 bits por token y 8 bits con una escala para todo, se resiente con "
        "NVFP4, y se rompe con 4 bits por token y MXFP4. Lo que más ayuda a «4 bits por token» es «Rotación de "
        "Hadamard»: su KL baja de 1,9 a 0,71 nats y sigue roto."
    )
    suffers = sentence(costs(int8=0.006, nvfp4=0.3), 8).en
    assert suffers.endswith("survives 8 bits per token, and suffers with NVFP4: nothing that was measured breaks it.")
    assert sentence(costs(int8=0.006), 8).en.endswith("survives 8 bits per token: nothing that was measured breaks it.")
    assert sentence(costs(int8=0.006, int4=0.5), 8).en.endswith("per token, and breaks with 4 bits per token.")
    assert "survives nothing" in sentence(costs(int8=0.5), 8).en
    assert "No transform helps “4 bits per token”" in sentence(costs(int4=1.9, int4_h=2.0), 8).en
    assert "0.3 nats." in sentence(costs(int4=1.9, int4_h=0.3), 8).en, "not said to be broken still"


def test_the_section_says_where_it_measured_and_that_its_eight_bits_are_simulated() -> None:
    for language in ("es", "en"):
        shown = table_html(Lab(), EMBEDDED, 8, language)
        assert t.WHERE.format(title=text().title)[language] in shown
    assert "Todo menos la primera fila se simula" in t.RULE.es


def test_every_kind_has_its_words_and_every_cell_its_link(kept: RecordedCosts) -> None:
    assert set(t.KINDS) == set(ACTIVATIONS)
    shown = table_html(Lab(), EMBEDDED, 8, "es")
    assert shown.count("data-recipe-whole") == len(KINDS) * len(STEPS)
    assert "Publicado, no medido aquí" in shown
    assert "29,96 a 6996" in shown


def test_what_a_stop_leaves_is_kept_and_not_measured_again(hub_folder: Path) -> None:
    lab = Lab(extra=hub_folder)
    model, one_text = lab.default(), SHORT
    assert "table" not in table_html(lab, model, 8, "en", one_text)
    work, done = measure(lab, "en", Asked(model, 8), one_text), 0
    for frame in work:
        done += frame.table is not None
        if done == 2:
            break
    work.close()  # type: ignore[attr-defined]
    known = known_costs(lab, model, 8, one_text)
    assert list(known) == list(cases(8)[:2])
    assert {cost.kind for cost in known.values()} == {"measured"}
    again = [next(work) for work in [measure(lab, "en", Asked(model, 8), one_text)] for _ in range(2)]
    assert all(frame.table for frame in again), "no step of work before a row that is known"
