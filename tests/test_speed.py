"""Speed: models take turns, the first round does not count, the prompt does not either."""

from __future__ import annotations

import pytest

from quant.evaluate import speed
from quant.evaluate.speed import Speed, speed_steps
from quant.generate import Step
from quant.model.load import LoadedModel


def test_models_take_turns_and_the_first_round_is_not_counted(
    tiny: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates = iter([1.0, 2.0, 10.0, 20.0, 11.0, 21.0, 30.0, 22.0])
    asked: list[str] = []
    monkeypatch.setattr(speed, "_decode_rate", lambda model: (asked.append(model.name), next(rates))[1])
    fast, slow = tiny, LoadedModel("slow", tiny.model, tiny.tokenizer, tiny.origin, "")
    *fractions, result = speed_steps([fast, slow], rounds=3)
    assert asked == ["gpt2-tiny", "slow"] * 4
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert result == (Speed((10.0, 11.0, 30.0)), Speed((20.0, 21.0, 22.0)))
    assert (result[0].median, result[0].lowest, result[0].highest) == (11.0, 10.0, 30.0)


def test_the_rate_is_of_the_tokens_after_the_first(tiny: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    # The first token costs the prompt too: 5 s; then one each half second.
    steps = [Step(tuple(range(8 + n)), 8, "", 4.5 + n / 2, False) for n in range(1, 6)]
    monkeypatch.setattr(speed, "stream", lambda *_: iter(steps))
    assert speed._decode_rate(tiny) == pytest.approx(2.0)


def test_a_real_model_has_a_rate(tiny: LoadedModel) -> None:
    *_, (measured,) = speed_steps([tiny], rounds=2)
    assert len(measured.rounds) == 2
    assert measured.lowest > 0
