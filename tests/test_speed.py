"""Speed: models take turns, the first round does not count, reading and writing are timed apart."""

from __future__ import annotations

import pytest
from working import fractions

from quant.evaluation import speed
from quant.evaluation.speed import Speed, speed_steps
from quant.generation import Step
from quant.model.load import LoadedModel
from quant.work import finished


def test_models_take_turns_and_the_first_round_is_not_counted(
    tiny: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates = iter([1.0, 2.0, 10.0, 20.0, 11.0, 21.0, 30.0, 22.0])
    prompts = iter([3.0, 4.0, 100.0, 200.0, 90.0, 210.0, 80.0, 220.0])
    asked: list[str] = []
    monkeypatch.setattr(speed, "_decode_rate", lambda model: (asked.append(model.name), next(rates))[1])
    monkeypatch.setattr(speed, "_prompt_rate", lambda model: (asked.append(model.name), next(prompts))[1])
    fast, slow = tiny, LoadedModel("slow", tiny.model, tiny.tokenizer, tiny.origin, "")
    said, result = fractions(speed_steps([fast, slow], rounds=3))
    assert asked == ["gpt2-tiny", "gpt2-tiny", "slow", "slow"] * 4
    assert len(said) == 8
    assert said == sorted(said)
    assert said[-1] == 1
    assert result == (
        Speed((10.0, 11.0, 30.0), (100.0, 90.0, 80.0)),
        Speed((20.0, 21.0, 22.0), (200.0, 210.0, 220.0)),
    )
    assert (result[0].median, result[0].lowest, result[0].highest) == (11.0, 10.0, 30.0)
    assert (result[0].prompt.median, result[0].prompt.lowest, result[0].prompt.highest) == (90.0, 80.0, 100.0)


def test_the_rate_is_of_the_tokens_after_the_first(tiny: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    # The first token costs the prompt too: 5 s; then one each half second.
    steps = [Step(tuple(range(8 + n)), 8, "", 4.5 + n / 2, False) for n in range(1, 6)]
    monkeypatch.setattr(speed, "stream", lambda *_: iter(steps))
    assert speed._decode_rate(tiny) == pytest.approx(2.0)


@pytest.mark.parametrize(("most", "tokens"), [(256, 64), (40, 40)])
def test_a_prompt_is_read_at_once_and_fits_the_context(
    tiny: LoadedModel, monkeypatch: pytest.MonkeyPatch, most: int, tokens: int
) -> None:
    monkeypatch.setattr(speed, "PROMPT_TOKENS", most)
    clock = iter([10.0, 10.5])
    monkeypatch.setattr(speed.time, "perf_counter", lambda: next(clock))
    shapes: list[tuple[int, ...]] = []
    handle = tiny.model.register_forward_pre_hook(lambda _, args: shapes.append(tuple(args[0].shape)))
    try:
        rate = speed._prompt_rate(tiny)
    finally:
        handle.remove()
    assert shapes == [(1, tokens)]
    assert rate == tokens / 0.5


def test_speeds_overlap_where_no_one_is_faster_in_every_round() -> None:
    slow, fast, between = Speed((10.0, 12.0)), Speed((13.0, 15.0)), Speed((11.0, 14.0))
    assert not slow.overlaps(fast)
    assert not fast.overlaps(slow)
    assert slow.overlaps(between)
    assert between.overlaps(fast)
    assert slow.overlaps(slow)


def test_a_real_model_has_a_rate(tiny: LoadedModel) -> None:
    (measured,) = finished(speed_steps([tiny], rounds=2))
    assert len(measured.rounds) == 2
    assert measured.lowest > 0
    assert len(measured.prompt_rounds) == 2
    assert measured.prompt.lowest > 0
