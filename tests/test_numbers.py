"""Figures of the live model's weights, and what the page tells the browser of each format."""

from __future__ import annotations

import copy
import json
import math
from dataclasses import replace
from html import unescape

import numpy as np
import pytest
import torch
from cases import each

from quant.evaluation.numbers import (
    QUANTILES,
    SHARES,
    exact_formats,
    format_range,
    model_numbers,
    quantiles,
    share,
)
from quant.floats import Specials
from quant.formats import FORMATS, exmy
from quant.model.layers import linear_layers
from quant.model.load import LoadedModel
from quant.text import Text
from quant.ui.shared.templates import macros
from quant.ui.tabs.numbers import texts as numbers_texts
from quant.ui.tabs.numbers.format_data import as_json, impossible, record, records
from quant.ui.tabs.numbers.read import PANELS, facts, in_torch, properties_table, ranges, wrong
from quant.ui.tabs.numbers.tab import exact_note, exponents_caption, live, shares_table


def all_weights(loaded: LoadedModel) -> torch.Tensor:
    return torch.cat([loaded.weight(layer.name).reshape(-1) for layer in linear_layers(loaded)])


def spread(count: int = 200_000) -> torch.Tensor:
    """Weights of every size from beyond float16 to below its subnormals, with the thresholds themselves and zeros."""
    generator = torch.Generator().manual_seed(7)
    w = torch.randn(count, generator=generator) * torch.exp2(torch.randint(-30, 18, (count,), generator=generator))
    edges = []
    for name in SHARES:
        p = FORMATS[name].properties
        assert p.smallest_subnormal is not None
        assert p.smallest_normal is not None
        middles = [p.smallest_subnormal / 2, p.smallest_normal - p.smallest_subnormal / 2, p.smallest_normal, p.largest]
        edges += [torch.tensor([m, -m]) for m in middles]
    near = torch.cat(edges)
    beside = [torch.nextafter(near, torch.full_like(near, end)) for end in (-math.inf, math.inf)]
    return torch.cat([w, torch.zeros(5), near, *beside])


@each("name", SHARES)
def test_shares_are_those_of_a_cast(name: str) -> None:
    w, element = spread(), FORMATS[name]
    assert element.layout is not None
    cast = element.decode(element.encode(w)).double().abs()
    found = share(w, element)
    normal = element.properties.smallest_normal
    assert normal is not None
    assert found.zero == int(((cast == 0) & (w != 0)).sum())
    assert found.subnormal == int(((cast > 0) & (cast < normal)).sum())
    assert found.beyond == int((w.abs() > element.highest).sum())


def test_shares_of_torchs_own_casts() -> None:
    w = spread()
    for name, dtype in (("float16", torch.float16), ("bfloat16", torch.bfloat16), ("float8_e5m2", torch.float8_e5m2)):
        cast = w.to(dtype).double().abs()
        assert share(w, FORMATS[name]).zero == int(((cast == 0) & (w != 0)).sum())


def test_the_exponents_are_those_of_frexp(tiny: LoadedModel) -> None:
    found, w = model_numbers(tiny), all_weights(tiny)
    expected = np.unique(torch.frexp(w[w != 0]).exponent.numpy() - 1, return_counts=True)
    seen = found.counts > 0
    assert found.exponents[seen].tolist() == expected[0].tolist()
    assert found.counts[seen].tolist() == expected[1].tolist()
    assert found.total == len(w)


def test_the_median_the_largest_and_the_random_ones_are_where_they_are_said_to_be(tiny: LoadedModel) -> None:
    found, sizes = model_numbers(tiny), all_weights(tiny).abs().sort().values
    assert abs(found.median.value) == float(sizes[(len(sizes) - 1) // 2])
    assert abs(found.largest.value) == float(sizes[-1])
    for weight in (found.median, found.largest, *found.random):
        assert float(tiny.weight(weight.layer)[weight.row, weight.column]) == weight.value
    assert len({(w.layer, w.row, w.column) for w in found.random}) > 150


def test_quantiles_reach_both_ends_and_rise() -> None:
    w = torch.randn(300, 200, generator=torch.Generator().manual_seed(1))
    found = quantiles(w)
    assert len(found) == QUANTILES
    assert (found[0], found[-1]) == (float(w.min()), float(w.max()))
    assert (np.diff(found) >= 0).all()
    assert abs(float((w.numpy() <= found[QUANTILES // 4]).mean()) - 0.25) < 1 / QUANTILES


def test_ranges_are_powers_of_two_of_the_registry() -> None:
    fp16 = format_range("float16")
    assert (fp16.significant_bits, fp16.low, fp16.normal) == (11, -24, -14)
    assert fp16.high == pytest.approx(math.log2(65504))
    assert format_range("int8").significant_bits == 7
    assert format_range("float8_e8m0fnu").low == -127


def test_the_browser_is_told_every_format() -> None:
    assert [r["name"] for r in records()] == list(FORMATS)
    for told, element in zip(records(), FORMATS.values(), strict=True):
        assert told["bits"] == element.code_bits
        assert (told["layout"] is None) != (told["values"] is None)
    nf4 = record(FORMATS["nf4"])["values"]
    assert nf4 == FORMATS["nf4"].values.tolist()  # type: ignore[union-attr]
    written = macros(PANELS).live(as_json({"a": '<"&>'}))
    assert json.loads(unescape(written.split('"')[1])) == {"a": '<"&>'}


def test_every_impossible_format_has_its_message_and_no_other() -> None:
    for language in ("es", "en"):
        said = impossible(language)  # type: ignore[arg-type]
        assert set(said) == {f"{e},{m},ieee" for e in range(1, 9) for m in range(11) if e == 1 or m == 0}
        assert all("E" in text for text in said.values())
    assert exmy(2, 1, Specials.IEEE).code_bits == 4


def test_the_figures_in_the_sentences() -> None:
    known = facts()
    assert (known["bf16_p"], known["fp16_p"], known["e4m3_max"]) == (8, 11, 448)
    assert known["fp16_eps"] == Text("0,000977", "0.000977")
    assert (known["fp4_values"], known["int8_levels"], known["int8_values"], known["e4m3_nan"]) == (15, 255, 256, 2)
    assert known["fp16_half"] == Text("2,98 × 10⁻⁸", "2.98 × 10⁻⁸")
    for language in ("es", "en"):
        page = "".join(f(language) for f in (wrong, ranges, properties_table))  # type: ignore[operator]
        assert "{" not in page.replace("{right}", "").replace("{answered}", "")  # the browser fills these
        assert ("65\u202f504" if language == "es" else "65,504") in page
        assert ("8 bits significativos" if language == "es" else "8 significant bits") in page


def test_what_torch_makes_of_a_number_that_does_not_fit_is_said_whatever_its_version() -> None:
    """1000 in E4M3 is 448 in torch 2.13 and NaN in 2.11, which a Space runs."""
    assert [in_torch(x, torch.float8_e4m3fn) for x in (300.0, 448.0, math.nan)] == ["288", "448", "NaN"]
    said = in_torch(1000.0, torch.float8_e4m3fn)
    assert said in ("448", "NaN")
    assert facts()["e4m3_torch"] == said
    assert f"1000 da {said}; en ml_dtypes da NaN" in wrong("es")
    assert torch.__version__.partition("+")[0] in wrong("en")


@each("language", ["es", "en"])
def test_the_caption_and_the_table_tell_the_same_shares(tiny: LoadedModel, language: str) -> None:
    found = model_numbers(tiny)
    caption, table = exponents_caption(found, language), shares_table(found, language)  # type: ignore[arg-type]
    assert "{" not in caption
    assert table.count("<tr>") == 1 + len(SHARES)
    assert 'data-lab="' in live(tiny, None, language)  # type: ignore[arg-type]
    assert numbers_texts.NUMBERS_SHARES_HEAD[0][language] in table  # type: ignore[index]


def test_weights_that_came_in_sixteen_bits_are_known_by_themselves(tiny: LoadedModel) -> None:
    """Not by the model's name: whatever float16 holds exactly loses nothing in float16."""
    assert exact_formats(tiny) == ()
    assert exact_note(tiny, "es") == ""
    for name, dtype in (("float16", torch.float16), ("bfloat16", torch.bfloat16)):
        made = copy.deepcopy(tiny.model)
        for parameter in made.parameters():
            parameter.data = parameter.data.to(dtype).float()
        halved = replace(tiny, model=made)
        assert exact_formats(halved) == (name,)
        assert f"ya venían en {name}" in exact_note(halved, "es")


def test_each_claim_is_a_question_with_two_answers_one_of_them_right() -> None:
    """And the right one is not always in the same place."""
    assert all(len(answers) == 2 and right in (0, 1) for _, answers, right, _, _ in numbers_texts.NUMBERS_WRONG)
    assert len({right for _, _, right, _, _ in numbers_texts.NUMBERS_WRONG}) == 2
    for language in ("es", "en"):
        page = wrong(language)  # type: ignore[arg-type]
        assert page.count("<h3>") == len(numbers_texts.NUMBERS_WRONG) == 9
        assert page.count("data-answer") == 18
