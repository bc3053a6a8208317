"""What holds for every method, whatever it is: a new one is tested by being registered.

Each quantizes the small GPT-2 once at 3 bits, by the recipe that Comparar gives it, with the fewest steps where it
takes any. No way to run a model may leave out what stands beside a matrix, and no method may leave a layer out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from conftest import SENTENCES
from steps import few_steps

from quant.errors import SchemeError
from quant.evaluation.contenders import BASELINE, contenders, standard
from quant.evaluation.drift import drift
from quant.evaluation.layer_error import LayerErrors, layer_errors
from quant.file.quantized import load_quantized, save_quantized
from quant.generation import Sampling
from quant.methods import METHODS
from quant.model.layers import census
from quant.model.load import LoadedModel
from quant.model.packed import packed_bytes, packed_matrices
from quant.quantization import quantize_model
from quant.recipe import Calibration, Recipe
from quant.recipe_json import recipe_from_json, recipe_to_json
from quant.run import forward
from quant.run.reader import reader
from quant.size import size_report
from quant.speculate import speculate
from quant.work import finished

TOLERANCE = 1e-3
BITS = 3
TEXT = " ".join(SENTENCES)


@dataclass(frozen=True)
class Made:
    """A contender's model and the recipe that made it."""

    name: str
    bits: int
    recipe: Recipe
    model: LoadedModel


def cheap(recipe: Recipe) -> Recipe:
    """The same with few calibration tokens and steps."""
    rule = recipe.rules[0]
    rules = (replace(rule, knobs=few_steps(rule.how, rule.knobs)),)
    reads = Calibration(text="own", own=TEXT, tokens=256) if recipe.calibration else None
    return replace(recipe, rules=rules, calibration=reads)


def recipes(tiny: LoadedModel, bits: int) -> Iterator[tuple[str, Recipe]]:
    """Of every contender that takes a format of so many bits."""
    for name in contenders():
        try:
            yield name, cheap(standard(name, bits, tiny))
        except SchemeError:
            assert bits < 8, f"{name} takes no format of {bits} bits"


@pytest.fixture(scope="module")
def made(tiny: LoadedModel) -> list[Made]:
    asked = {name: (BITS, recipe) for name, recipe in recipes(tiny, BITS)}
    asked |= {name: (8, cheap(standard(name, 8, tiny))) for name in contenders() if name not in asked}
    return [Made(name, bits, recipe, quantize_model(tiny, recipe)) for name, (bits, recipe) in asked.items()]


def errors(original: LoadedModel, model: LoadedModel) -> LayerErrors:
    return finished(layer_errors(original, model))


def test_every_contender_is_here(made: list[Made]) -> None:
    assert [one.name for one in made if one.name not in contenders()] == []
    assert {one.name for one in made} == set(contenders())


def test_writing_scoring_drifting_and_speculating_agree(tiny: LoadedModel, made: list[Made]) -> None:
    ids = [tiny.bos, *tiny.tokenizer.encode(SENTENCES[0])][:24]
    for one in made:
        model = one.model.model
        with torch.no_grad():
            scored = forward.logits(model, forward.hidden(model, torch.tensor([ids])))[0]
            read = reader(model, len(ids)).read(ids, every=True)
            alone = reader(model, len(ids))
            written = torch.cat([alone.read([token]) for token in ids])
        assert (read - scored).abs().max() < TOLERANCE, f"{one.name}: several at once"
        assert (written - scored).abs().max() < TOLERANCE, f"{one.name}: one by one"
        log_p = scored.double().log_softmax(-1)
        drifted = drift(tiny, one.model, SENTENCES[0]).tokens
        for place, token in enumerate(drifted[: len(ids) - 1]):
            want = float(log_p[place, token.id])
            assert abs(token.log_p_quantized - want) < TOLERANCE, f"{one.name}: drift at {place}"
        assert drifts_from(tiny, scored, ids) > 10 * TOLERANCE, f"{one.name} is the original"


def drifts_from(original: LoadedModel, logits: torch.Tensor, ids: list[int]) -> float:
    with torch.no_grad():
        own = forward.logits(original.model, forward.hidden(original.model, torch.tensor([ids])))[0]
    return float((own - logits).abs().max())


def test_what_a_draft_writes_is_what_its_logits_say(tiny: LoadedModel, made: list[Made]) -> None:
    greedy = Sampling(max_length=30, no_repeat_ngram_size=0)
    for one in made:
        last = next(iter(speculate(tiny, one.model, SENTENCES[1][:30], greedy)))
        ids = list(last.ids[: last.prompt_tokens])
        with torch.no_grad():
            for token in last.drafted:
                logits = forward.logits(one.model.model, forward.hidden(one.model.model, torch.tensor([ids])))[0, -1]
                assert logits[token] > logits.max() - TOLERANCE, one.name
                ids.append(token)


def test_the_same_recipe_gives_the_same_bytes_through_json_too(tiny: LoadedModel, made: list[Made]) -> None:
    for one in made:
        recipe = recipe_from_json(json.loads(json.dumps(recipe_to_json(one.recipe))))
        assert repr(recipe.rules[0].knobs) == repr(one.recipe.rules[0].knobs), "10.0 is no number of steps"
        again = quantize_model(tiny, recipe)
        first, second = (
            [(name, part, t) for name, _, held in packed_matrices(m.model) for part, t in held.parts().items()]
            for m in (one.model, again)
        )
        assert [x[:2] for x in first] == [x[:2] for x in second], one.name
        assert all(torch.equal(a[2], b[2]) for a, b in zip(first, second, strict=True)), one.name


def test_bytes_reported_packed_and_in_the_file_are_one(tiny: LoadedModel, made: list[Made], tmp_path: Path) -> None:
    for one in made:
        report = size_report(tiny, one.recipe)
        reported = sum(row.stored_bytes for row in report.rows if row.quantized)
        assert packed_bytes(one.model.model) == reported, one.name
        file = tmp_path / f"{one.name}.safetensors"
        save_quantized(one.model, one.recipe, file)
        back = load_quantized(file)
        assert packed_bytes(back.model) == reported, one.name


def test_no_layer_is_left_out_or_stored_by_another_method(tiny: LoadedModel, made: list[Made]) -> None:
    for one in made:
        held = {name: held for name, _, held in packed_matrices(one.model.model)}
        asked = [row.layer for row in size_report(tiny, one.recipe).rows if row.quantized]
        assert set(held) == {layer.name for layer in asked}, one.name
        for layer in asked:
            rule = one.recipe.rule_of(layer)
            assert rule is not None
            assert held[layer.name].scheme == rule.scheme, f"{one.name}: {layer.name}"
            beside = held[layer.name].quantized().beside.parts()
            assert set(beside) == set(one.recipe.parts_beside(rule, layer)), f"{one.name}: {layer.name}"


def test_no_contender_is_rounding_under_another_name(tiny: LoadedModel, made: list[Made]) -> None:
    """Nor another that rounding is: whatever stores its scheme's codes comes to others than rounding does."""
    rounding, plain = contenders()[BASELINE].method, dict[object, LoadedModel]()
    for one in (m for m in made if m.name != BASELINE):
        scheme = one.recipe.rules[0].scheme
        assert scheme is not None
        if not METHODS[rounding].fits(scheme):  # a learned table, say
            continue
        if scheme not in plain:
            plain[scheme] = quantize_model(tiny, Recipe.uniform(scheme, method=rounding))
        # One that only scales (AWQ) may find that a layer of random weights is best left as it is; not all of them.
        names = [layer.name for layer in census(tiny)]
        assert [n for n in names if not torch.equal(one.model.weight(n), plain[scheme].weight(n))], one.name


def test_errors_fall_with_bits(tiny: LoadedModel, made: list[Made]) -> None:
    """From 3 bits to 8, of whatever takes both."""
    many_bits, compared = dict(recipes(tiny, 8)), 0
    for one in (m for m in made if m.bits == BITS and m.name in many_bits):
        few, many = errors(tiny, one.model), errors(tiny, quantize_model(tiny, many_bits[one.name]))
        assert many.weights > few.weights, one.name
        assert few.outputs is not None
        assert many.outputs is not None
        assert many.outputs > few.outputs, one.name
        compared += 1
    assert compared > 10
