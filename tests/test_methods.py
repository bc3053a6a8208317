"""What every method has to keep: its words, its knobs, its refusals, and the statistics that it asks for."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
import torch
from matrices import BLOCK_SCHEMES, integers, label
from steps import few_steps

from quant.blocks import BLOCKS
from quant.errors import CalibrationError, SchemeError
from quant.formats import learned_format
from quant.methods import METHODS, kquant, method_for, method_named, rtn
from quant.methods.base import Knob, NoKnobs, Statistic, Statistics, knob
from quant.scheme import Grid, PerChannel, PerGroup, PerTensor, Scheme
from quant.text import Text

SCHEMES = [*integers([PerTensor(), PerGroup(16), PerGroup(64)]), *BLOCK_SCHEMES]
LEARNED = Scheme(learned_format(3), PerChannel(), Grid.LEARNED, None)
WEIGHT = torch.randn(8, 256, generator=torch.Generator().manual_seed(0))


def known(seed: int = 1) -> Statistics:
    """All that can be known, of inputs whose squares differ widely."""
    generator = torch.Generator().manual_seed(seed)
    squares = torch.rand(256, generator=generator) ** 8
    inputs = torch.randn(64, 256, generator=generator) * squares.sqrt()
    return Statistics(100, squares, inputs.abs().amax(0), inputs.t() @ inputs / 64, inputs)


def test_each_says_in_both_languages_what_it_is_and_where_it_comes_from() -> None:
    for name, method in METHODS.items():
        assert method.name == name
        assert method.source, name
        for text in (method.title, method.summary):
            assert text.es, name
            assert text.en not in ("", text.es), name


def test_a_scheme_is_filled_or_refused_before_any_work() -> None:
    told = known()
    for name, method in METHODS.items():
        quick = few_steps(method, few=2)
        for scheme in (*SCHEMES, LEARNED):
            if method.fits(scheme):
                made = method.quantize(WEIGHT, scheme, told, quick)
                assert made.scheme == scheme, (name, label(scheme))
                assert made.shape == (8, 256), (name, label(scheme))
                assert made.beside.nbytes == method.extra_bytes(scheme, made.shape, method.knobs()), name
            else:
                with pytest.raises(SchemeError):
                    method.quantize(WEIGHT, scheme, told)
    assert all(method_for(scheme).fits(scheme) for scheme in SCHEMES)
    assert not METHODS["rtn"].fits(BLOCKS["Q4_K"].scheme)
    for name in ("search", "importance"):  # chosen, never the default where rounding will do
        assert METHODS[name].fits(Scheme.integer(4, PerGroup(64)))
    assert not METHODS["rtn"].fits(LEARNED)


def test_a_method_that_needs_statistics_never_runs_without_them() -> None:
    needing = {name for name, method in METHODS.items() if method.needs}
    assert "importance" in needing
    for name in needing:
        scheme = next(scheme for scheme in (*SCHEMES, LEARNED) if METHODS[name].fits(scheme))
        with pytest.raises(CalibrationError, match=name):
            METHODS[name].quantize(WEIGHT, scheme)
    assert Statistics().known == frozenset()
    assert known().known == set(Statistic)


@pytest.mark.parametrize("name", ["Q4_K", "Q2_K", "IQ4_NL", "Q4_0"])
def test_importance_lowers_the_error_that_it_weighs_and_is_not_the_plain_search(name: str) -> None:
    scheme, statistics = BLOCKS[name].scheme, known()
    plain = METHODS["search"].quantize(WEIGHT, scheme)
    weighted = METHODS["importance"].quantize(WEIGHT, scheme, statistics)
    assert not torch.equal(plain.q.codes, weighted.q.codes)
    want = kquant.quantize(WEIGHT, scheme, statistics.squares)
    assert torch.equal(weighted.q.codes, want.codes)
    errors = [((made.dequantize() - WEIGHT).square() * statistics.squares).sum() for made in (weighted, plain)]
    assert errors[0] < 0.9 * errors[1]


def test_rounding_to_nearest_is_the_method_of_every_grid_but_the_search() -> None:
    for scheme in SCHEMES:
        want = "search" if scheme.grid is Grid.SEARCH else "rtn"
        assert method_for(scheme).name == want, label(scheme)
    made = METHODS["rtn"].quantize(WEIGHT, SCHEMES[3])
    assert torch.equal(made.q.codes, rtn.quantize(WEIGHT, SCHEMES[3]).codes)


def test_an_unknown_method_is_refused_with_those_that_exist() -> None:
    with pytest.raises(SchemeError) as caught:
        method_named("magic")
    assert caught.value.text.es == f"No existe el método «magic»; los que hay: {', '.join(METHODS)}."


@dataclass(frozen=True)
class Turned:
    """Knobs of a made-up method."""

    share: float = knob(0.99, 0.5, 1.0, 0.01, Text("parte", "share"), Text("cuánto", "how much"))


def test_knobs_are_set_by_name_within_their_range() -> None:
    method = replace(METHODS["rtn"], name="made up", knobs=Turned)
    assert method.set_knobs({}) == Turned(0.99)
    assert method.set_knobs({"share": 0.7}) == Turned(0.7)
    steps = METHODS["autoround"].set_knobs({"steps": 20.0}).steps
    assert (steps, type(steps)) == (20, int), "JSON has floats alone"
    assert isinstance(Turned.__dataclass_fields__["share"].metadata["knob"], Knob)
    for values, said in [
        ({"share": 0.2}, "share = 0.2: it must be a number from 0.5 to 1.0"), ({"share": True}, "share = True"),
        ({"share": "a"}, "share = a"), ({"share": float("nan")}, "share = nan"),
        ({"bits": 4}, "has no knob “bits”; it has: share"),
    ]:  # fmt: skip
        with pytest.raises(SchemeError, match=said):
            method.set_knobs(values)
    assert METHODS["rtn"].set_knobs({}) == NoKnobs()
    with pytest.raises(SchemeError, match="“rtn” has no knobs; got “share”"):
        METHODS["rtn"].set_knobs({"share": 1})
