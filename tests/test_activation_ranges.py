"""What comes into a layer is what transformers' own pass gives it; outliers are those that the rule names."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

from quant.cache import cache_scheme
from quant.calibrate import Flow, outside, statistics, windows
from quant.errors import CalibrationError
from quant.evaluation.activations import CHANNEL_BINS, Ranges, binned, range_steps
from quant.methods.base import Statistic
from quant.model.layers import Kind, census
from quant.model.load import LoadedModel
from quant.plots.activations import by_channel, heat_map
from quant.recipe import Calibration, Recipe
from quant.run import probe
from quant.size import cache_bytes
from quant.text import Language
from quant.ui.tabs.methods.activations_layer import meaning
from quant.work import finished

SHORT = Calibration(tokens=256)


def ranges(largest: list[float], first: float = 1.0) -> Ranges:
    size = np.array(largest, np.float32)
    return Ranges("x", size, size / 3, np.ones(8, np.float32), np.tile(size, (4, 1)), first, 1.0, 0.1, 2, 4)


def test_ranges_are_those_of_a_plain_pass(tiny: LoadedModel) -> None:
    ids = windows(tiny, SHORT)
    for layer in (x for x in census(tiny) if x.kind is not Kind.OTHER):
        seen: list[torch.Tensor] = []
        module = tiny.model.get_submodule(layer.tied_to or layer.name)
        handle = module.register_forward_pre_hook(lambda _, args, seen=seen: seen.append(args[0]))
        with torch.no_grad():
            tiny.model(ids, use_cache=False)
        handle.remove()
        size, got = seen[0].abs(), finished(range_steps(tiny, layer, SHORT))
        flat = size.flatten(0, 1)
        for name, want in [("largest", flat.amax(0)), ("by_token", flat.amax(1)),
                           ("typical", flat.square().mean(0).sqrt())]:  # fmt: skip
            np.testing.assert_allclose(vars(got)[name], want.numpy(), 1e-4, 1e-5, err_msg=f"{layer.name}, {name}")
        assert got.heat.max() == pytest.approx(float(flat.max()), rel=1e-5), layer.name
        assert (got.windows, got.context) == tuple(ids.shape)
        assert got.first == pytest.approx(float(size[:, 0].max()), rel=1e-4), layer.name
        assert got.rest == pytest.approx(float(size[:, 1:].max()), rel=1e-4), layer.name
        assert not module._forward_pre_hooks, "the model is left as it was"


def test_the_model_may_be_read_meanwhile_in_another_thread(tiny: LoadedModel) -> None:
    layer = next(x for x in census(tiny) if x.name.endswith("h.0.attn.c_attn"))
    recipe, done, failed = Recipe(cache=cache_scheme(4, 4)), threading.Event(), list[BaseException]()
    want = cache_bytes(tiny, recipe, 64)

    def calibrating() -> None:
        try:
            while not done.is_set():
                finished(range_steps(tiny, layer, SHORT))
                Flow(tiny, SHORT)
                outside(tiny, SHORT, frozenset({Statistic.SQUARES}), {layer.name: layer.name})
                next(statistics(tiny, SHORT, frozenset({Statistic.SQUARES})))
        except BaseException as error:  # noqa: BLE001 (whatever it is, the test is to say so)
            failed.append(error)

    other = threading.Thread(target=calibrating)
    other.start()
    try:
        for _ in range(60):
            probe._KNOWN.clear()
            assert cache_bytes(tiny, recipe, 64) == want
    finally:
        done.set()
        other.join()
    assert not failed


def test_a_planted_outlier_is_found_and_drawn_and_said() -> None:
    plain, planted = ranges([1.0] * 64), ranges([1.0] * 40 + [50.0, 21.0] + [1.0] * 22)
    assert (plain.outliers, planted.outliers, planted.worst) == ((), (40, 41), 40)
    assert ranges([0.1] * 40 + [5.0]).outliers == ()  # 50 times the others, and yet below 6
    assert ranges([1.0] * 40 + [19.0]).outliers == ()  # above 6, and yet below 20 times the others
    assert not plain.massive
    assert ranges([1.0] * 4, first=101.0).massive
    languages: tuple[Language, ...] = ("es", "en")
    for language in languages:
        marks = [trace for trace in by_channel(planted, language).data if trace.marker.symbol == "diamond"]
        assert [list(trace.y) for trace in marks] == [[50.0, 21.0]]
        assert not [trace for trace in by_channel(plain, language).data if trace.marker.symbol == "diamond"]
        heat, *above = heat_map(planted, language).data
        assert heat.z.shape == planted.heat.shape
        assert [list(trace.x) for trace in above] == [[40, 41]]
        assert len(heat_map(plain, language).data) == 1
    assert "2 canales atípicos de 64; el mayor, el 40, llega a 50, 50 veces" in meaning(planted, "x").es
    assert "no channel is an outlier" in meaning(plain, "x").en


def test_bins_keep_the_largest() -> None:
    values = np.random.default_rng(0).random((7, 300))
    got = binned(values, CHANNEL_BINS, 1)
    assert got.shape == (7, CHANNEL_BINS)
    assert np.array_equal(got.max(1), values.max(1))
    assert np.array_equal(binned(values, 64, 0), values)  # fewer than there are bins


def test_a_table_that_is_only_looked_up_has_no_inputs(tiny: LoadedModel) -> None:
    table = replace(next(x for x in census(tiny) if x.kind is Kind.TABLE), tied_to=None)
    with pytest.raises(CalibrationError, match="only looked up"):
        finished(range_steps(tiny, table, SHORT))
