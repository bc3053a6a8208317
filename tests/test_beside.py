"""While the compiler runs beside the page: nobody waits for it, the results are the same, and then it is faster."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from quant.generation import Sampling, generate
from quant.kernels import compiled, native
from quant.kernels.cpu import COMPILED, EXPANDED
from quant.kernels.expanded import Expanded
from quant.lab import Lab, own_bytes
from quant.model.packed import packed_matrices
from quant.ui.sidebar.choice import Choice
from quant.ui.tabs.metrics import texts as t
from quant.ui.tabs.metrics.measure import Asked, measuring
from quant.work import finished

pytestmark = pytest.mark.skipif(native.decoder() is None, reason="no C compiler")
OWN = "El tren paró en mitad del llano, y los viajeros se asomaron a ver qué ocurría en la vía. " * 24


@pytest.fixture
def lab(hub_folder: Path) -> Lab:
    return Lab(extra=hub_folder)


@pytest.fixture
def compiler(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """A compiler that is at work until the event is set."""
    ends, entered = threading.Event(), threading.Event()
    real = native.decoder.__wrapped__

    def slow() -> object:
        entered.set()
        assert ends.wait(60)
        return real()

    for module in (native, compiled):
        monkeypatch.setattr(module, "decoder", native.Made(slow))  # type: ignore[arg-type]
    monkeypatch.setattr(native, "decoder", compiled.decoder)
    thread = native.make_beside()
    assert entered.wait(60)
    yield ends
    ends.set()
    thread.join(60)
    monkeypatch.setattr(native, "_beside", None)


def wait_for_it(compiler: threading.Event) -> None:
    compiler.set()
    assert native._beside is not None
    native._beside.join(60)


def test_nobody_waits_and_what_was_made_meanwhile_gets_the_kernels_later(lab: Lab, compiler: threading.Event) -> None:
    assert native.being_made()
    assert not compiled.available()
    recipe = Choice(lab.default(), bits=4).recipe()
    model = finished(lab.quantized(recipe))
    assert all(type(held) is Expanded for _, _, held in packed_matrices(model.model))
    sampling = Sampling(max_length=24)
    before, heavier = generate(model, "El tren", sampling), lab.cached_bytes()

    wait_for_it(compiler)
    assert compiled.available()
    again = finished(lab.quantized(recipe))
    assert again is model
    assert not any(type(held) is Expanded for _, _, held in packed_matrices(model.model))
    assert generate(again, "El tren", sampling).ids == before.ids
    assert lab.cached_bytes() == own_bytes(lab.loaded(lab.default()), model) < heavier


def test_a_measurement_is_the_same_and_says_that_it_will_be_faster(lab: Lab, compiler: threading.Event) -> None:
    asked = Asked(Choice(lab.default(), bits=3), "own", "quick", OWN, speed=True)
    first = list(measuring(lab, "es").frames(asked))[-1]
    soon = t.COMPUTES_SOON.es.removeprefix("{said} ")
    assert first.details is not None
    assert soon in first.details
    assert EXPANDED.summary.es in first.details

    wait_for_it(compiler)
    fresh = list(measuring(Lab(lab._extra), "es").frames(asked))[-1]
    assert fresh.details is not None
    assert soon not in fresh.details
    assert COMPILED.summary.es in fresh.details
    assert first.history is not None
    assert fresh.history is not None
    for name in ("kl_mean", "perplexity_quantized", "same_top"):
        a, b = (h[0]["estimates"][name][0] for h in (first.history, fresh.history))
        assert a == pytest.approx(b, rel=1e-4), name


def test_speeds_are_timed_again_where_the_kernels_came_in_the_middle(lab: Lab, compiler: threading.Event) -> None:
    asked = Asked(Choice(lab.default(), bits=4), "own", "quick", OWN, speed=True)
    rounds = 0
    for frame in measuring(lab, "es").frames(asked):
        if t.MEASURING_SPEED.es in frame.said:
            rounds += 1
            if rounds == 3:
                wait_for_it(compiler)
    assert rounds > 20
    assert COMPILED.summary.es in str(frame.details)
