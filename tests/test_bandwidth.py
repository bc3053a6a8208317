"""Bandwidth: bytes that one token reads, how fast this machine reads, and the picture and sentence made of both."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
from transformers import GPT2Config, GPT2LMHeadModel

from quant.activations import Activations
from quant.evaluation import bandwidth
from quant.evaluation.bandwidth import Machine, Placed, bytes_per_token, cache_bytes, read_bandwidth
from quant.evaluation.speed import Speed
from quant.kernels import compiled
from quant.model.layers import linear_layers
from quant.model.load import LoadedModel
from quant.model.packed import QuantLinear
from quant.model.skeleton import turn_conv1d
from quant.plots import style
from quant.plots.bandwidth import bandwidth as figure_of
from quant.quantization import quantize_model
from quant.recipe import Recipe
from quant.scheme import PerGroup, Scheme
from quant.size import size_report
from quant.text import Language, Text
from quant.ui.tabs.metrics.bandwidth import caption

LANGUAGES: tuple[Language, Language] = ("es", "en")
MACHINE = Machine(20e9, 32_000_000)


def placed(name: str, token_bytes: int, *rounds: float) -> Placed:
    return Placed(Text(name, name), Text(f"receta {name}", f"recipe {name}"), token_bytes, Speed(rounds))


LARGE, SMALL = placed("original", 500_000_000, 29.0, 30.0, 31.0), placed("4 bits", 66_000_000, 180.0, 182.0, 190.0)


# ---- bytes


def test_one_token_reads_each_matrix_once_and_the_tied_table_as_output(tiny: LoadedModel) -> None:
    rows = tiny.model.config.vocab_size
    assert bytes_per_token(tiny) == 4 * (2 * 12 * 64 * 64 + 64 * rows)


def test_a_table_that_is_only_looked_up_is_not_read(tiny: LoadedModel) -> None:
    config = GPT2Config(vocab_size=20, n_positions=8, n_embd=16, n_layer=1, n_head=1, tie_word_embeddings=False)
    model = GPT2LMHeadModel(config)
    turn_conv1d(model)
    assert bytes_per_token(replace(tiny, model=model)) == 4 * (12 * 16 * 16 + 20 * 16)


@pytest.mark.parametrize("activations", [Activations.FLOAT, Activations.INT8])
def test_packed_matrices_count_as_they_are_held(tiny: LoadedModel, activations: Activations) -> None:
    recipe = Recipe.uniform(table=True, activations=activations)
    stored = sum(r.stored_bytes for r in size_report(tiny, recipe).rows if r.quantized)
    assert bytes_per_token(quantize_model(tiny, recipe)) == stored
    assert bytes_per_token(quantize_model(tiny, Recipe())) < bytes_per_token(tiny)


# ---- the machine


def test_the_probe_finds_what_a_machine_can_have_and_is_made_once() -> None:
    read_bandwidth.cache_clear()
    found = read_bandwidth()
    assert 1e8 < found < 1e13
    assert read_bandwidth() == found


def test_the_block_is_larger_than_the_caches_within_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    for cache, expected in ((None, 2**28), (2**25, 2**28), (2**27, 2**29), (2**30, 2**30)):
        monkeypatch.setattr(bandwidth, "cache_bytes", lambda cache=cache: cache)
        assert bandwidth._block_bytes() == expected


def machine_files(root: Path, caches: dict[str, tuple[int, str, str]]) -> Path:
    for place, (level, shared, size) in caches.items():
        folder = root / place
        folder.mkdir(parents=True)
        for name, value in (("level", level), ("shared_cpu_list", shared), ("size", size)):
            (folder / name).write_text(f"{value}\n")
    return root


def test_each_cache_of_the_last_level_is_counted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "cpu0/cache/index0": (1, "0", "32K"), "cpu0/cache/index3": (3, "0-1", "16384K"),
        "cpu1/cache/index3": (3, "0-1", "16384K"), "cpu2/cache/index3": (3, "2-3", "16M"),
    }  # fmt: skip
    monkeypatch.setattr(bandwidth, "CPUS", machine_files(tmp_path, files))
    assert cache_bytes() == 2 * 16 * 2**20


def test_a_system_that_does_not_tell_its_caches_gives_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bandwidth, "CPUS", tmp_path / "absent")
    assert cache_bytes() is None
    (tmp_path / "cpu0" / "cache" / "index0").mkdir(parents=True)
    monkeypatch.setattr(bandwidth, "CPUS", tmp_path)
    assert cache_bytes() is None


def test_the_limit_is_the_larger_of_the_probe_and_the_best_row_out_of_cache() -> None:
    cached = placed("en caché", 1_000_000, 90_000.0)
    better = placed("mejor", 500_000_000, 60.0)
    assert MACHINE.with_rows([LARGE, cached]) == MACHINE
    assert MACHINE.with_rows([LARGE, cached, better]).bandwidth == 30e9


def test_what_the_caches_hold_is_told_by_size_or_by_speed() -> None:
    unknown = Machine(20e9, None)
    small, fast = placed("pequeño", 20_000_000, 100.0), placed("rápido", 20_000_000, 2_000.0)
    assert MACHINE.holds(small)
    assert not MACHINE.holds(SMALL)
    assert not unknown.holds(small)
    assert unknown.holds(fast)


# ---- the picture


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_figure_has_the_line_the_shade_and_a_point_each(language: Language) -> None:
    other = placed("8 bits", 130_000_000, 100.0, 101.0)
    figure = figure_of(LARGE, [other, SMALL], MACHINE, language)
    top, line, original, tried = figure.data
    assert [x * 1e6 * y for x, y in zip(line.x, line.y, strict=True)] == pytest.approx([20e9, 20e9])
    assert line.fill == "tonexty"
    assert min(top.y) > max(line.y)
    assert (original.x, original.y) == ((500.0,), (30.0,))
    assert (tried.x, tried.y) == ((66.0, 130.0), (182.0, 100.5))
    assert (original.marker.color, tried.marker.color) == (style.ORIGINAL, style.QUANTIZED)
    assert original.marker.symbol != tried.marker.symbol
    assert list(tried.error_y.array) == [8.0, 0.5]
    assert len(set(tried.textposition)) == 2
    assert (figure.layout.xaxis.type, figure.layout.yaxis.type) == ("log", "log")
    assert "MB" in figure.layout.xaxis.title.text
    assert "tokens/s" in figure.layout.yaxis.title.text
    assert "20 GB/s" in figure.layout.annotations[0].text
    for axis, values in ((figure.layout.xaxis, [66, 500]), (figure.layout.yaxis, [30, 190])):
        low, high = (10**end for end in axis.range)
        assert low < min(values) <= max(values) < high
        assert len(axis.tickvals) == len(axis.ticktext) > 1
    assert LARGE.name[language] in original.customdata[0]


def test_points_above_the_line_are_drawn_too() -> None:
    fast = placed("4 bits", 2_000_000, 40_000.0)
    figure = figure_of(placed("original", 20_000_000, 3_000.0), [fast], MACHINE, "es")
    assert figure.data[3].y[0] * figure.data[3].x[0] * 1e6 > MACHINE.bandwidth
    assert 10 ** figure.layout.yaxis.range[1] > 40_000


def test_ticks_lie_on_the_axis_and_thin_out() -> None:
    from quant.plots.style import _ticks

    assert _ticks(4.0, 60.0) == [5, 10, 20, 50]
    assert _ticks(0.5, 3000.0) == [1, 10, 100, 1000]
    assert _ticks(2.2, 4.8) == [2.2, 4.8]


# ---- the sentence


@pytest.mark.parametrize(("language", "parts"), [
    ("es", ("Con 4 bits, el modelo lee 7,6 veces menos", "6,1 veces más deprisa", "está al 60\u202f% de lo que")),
    ("en", ("With 4 bits, the model reads 7.6 times fewer", "6.1 times faster", "stands at 60% of what")),
])  # fmt: skip
def test_the_caption_says_bytes_speed_and_share(language: Language, parts: tuple[str, ...]) -> None:
    said = caption(LARGE, SMALL, MACHINE)[language]
    assert all(part in said for part in parts)
    assert said.endswith(".")
    assert not set("{}") & set(said)


def test_the_caption_of_one_that_is_slower_or_no_faster() -> None:
    slow, same = placed("W8A8", 130_000_000, 10.0, 10.2), placed("8 bits", 130_000_000, 29.5, 40.0)
    assert "escribe 3,0 veces más despacio; se queda en el 6,6" in caption(LARGE, slow, MACHINE).es
    assert "y no se distingue en velocidad; se queda en el 23" in caption(LARGE, same, MACHINE).es


def test_the_caption_of_models_that_the_caches_hold_claims_no_share() -> None:
    small = placed("2 bits", 3_000_000, 5_000.0)
    both = caption(placed("original", 20_000_000, 3_000.0), small, MACHINE)
    assert "Los dos caben en la caché del procesador (32\u202fMB)" in both.es
    assert "Both fit in the cache of the processor (32\u202fMB)" in both.en
    alone = caption(LARGE, small, MACHINE)
    assert "Solo él cabe" in alone.es
    assert "%" not in both.es + alone.es
    unknown = caption(LARGE, placed("2 bits", 3_000_000, 50_000.0), Machine(20e9, None))
    assert "caché del procesador, que" in unknown.es
    assert not math.isnan(small.bytes_per_s)


def test_of_a_matrix_with_a_copy_the_copy_alone_is_read(tiny: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing compiles: a float32 copy, or one for torch's 4-bit operator."""
    monkeypatch.setattr(compiled, "available", lambda: False)
    floats = sum(4 * layer.parameters for layer in linear_layers(tiny))
    simulated = quantize_model(tiny, Recipe.uniform(Scheme.integer(6, PerGroup(32))))
    table = bytes_per_token(tiny) - floats
    assert bytes_per_token(simulated) == floats + table
    four = quantize_model(tiny, Recipe.uniform(Scheme.integer(4, PerGroup(64))))
    held = sum(module.matrix.nbytes for module in four.model.modules() if isinstance(module, QuantLinear))
    assert bytes_per_token(four) - table < held
