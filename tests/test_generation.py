"""The stream writes what `transformers.generate` writes, one forward a token, and says what it cannot do."""

from __future__ import annotations

import copy
import itertools
import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from cases import each
from transformers import GenerationConfig

from quant.errors import PromptError
from quant.generation import Sampling, first_difference, generate, stream
from quant.model.load import LoadedModel
from quant.quantization import structural_copy
from quant.run.reader import Gpt2Reader
from quant.text import Text, as_typed

PROMPTS = ["Me gusta mucho el futbol", "La ciudad de Madrid", "¿Qué", "ñ"]
LONGEST = 40


def by_transformers(loaded: LoadedModel, prompt: str, sampling: Sampling) -> tuple[int, ...]:
    """The tokens of `transformers.generate` with the same settings; the seed is torch's own."""
    ids = torch.tensor([loaded.tokenizer.encode(prompt, add_special_tokens=False)])
    chosen = (
        {"top_k": sampling.top_k, "top_p": sampling.top_p, "temperature": sampling.temperature}
        if sampling.do_sample
        else {}
    )
    with torch.random.fork_rng():
        torch.manual_seed(sampling.seed)
        out = loaded.model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            pad_token_id=loaded.tokenizer.eos_token_id,
            eos_token_id=loaded.tokenizer.eos_token_id,
            max_length=sampling.max_length,
            no_repeat_ngram_size=sampling.no_repeat_ngram_size,
            do_sample=sampling.do_sample,
            **chosen,
        )
    return tuple(out[0].tolist())


def ending_with(loaded: LoadedModel, token: int) -> LoadedModel:
    """The same model, for which `token` is the end."""
    tokenizer = copy.deepcopy(loaded.tokenizer)
    tokenizer.eos_token = tokenizer.convert_ids_to_tokens(token)
    assert tokenizer.eos_token_id == token
    model = structural_copy(loaded.model)
    model.generation_config = GenerationConfig(eos_token_id=token)
    return replace(loaded, model=model, tokenizer=tokenizer)


@pytest.fixture
def transformers_log() -> Iterator[list[str]]:
    """What transformers logs as a warning or worse."""
    messages: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            messages.append(record.getMessage())

    listener, logger = Listener(logging.WARNING), logging.getLogger("transformers")
    logger.addHandler(listener)
    yield messages
    logger.removeHandler(listener)


@each("prompt", PROMPTS)
@each("ngram", [0, 2, 3])
def test_greedy_text_is_that_of_transformers(tiny: LoadedModel, prompt: str, ngram: int) -> None:
    sampling = Sampling(max_length=LONGEST, no_repeat_ngram_size=ngram)
    written = generate(tiny, prompt, sampling)
    assert written.ids == by_transformers(tiny, prompt, sampling)
    assert len(written.ids) == LONGEST


@each("prompt", PROMPTS)
@each("seed", [0, 1, 2026])
def test_sampled_text_is_that_of_transformers_with_the_same_seed(tiny: LoadedModel, prompt: str, seed: int) -> None:
    sampling = Sampling(max_length=LONGEST, do_sample=True, seed=seed)
    assert generate(tiny, prompt, sampling).ids == by_transformers(tiny, prompt, sampling)


@each("top_k, top_p, temperature", [(0, 1.0, 1.0), (5, 1.0, 1.0), (0, 0.5, 1.0), (0, 1.0, 3.0), (500, 0.9, 2.0)])
def test_each_filter_is_that_of_transformers(tiny: LoadedModel, top_k: int, top_p: float, temperature: float) -> None:
    sampling = Sampling(LONGEST, 2, True, top_k, top_p, temperature, seed=7)
    assert generate(tiny, PROMPTS[0], sampling).ids == by_transformers(tiny, PROMPTS[0], sampling)


def test_the_seed_decides_and_nothing_else_does(tiny: LoadedModel) -> None:
    hot = Sampling(max_length=LONGEST, do_sample=True, temperature=3.0)
    torch.manual_seed(5)
    first = generate(tiny, PROMPTS[0], hot).ids
    assert generate(tiny, PROMPTS[0], hot).ids == first
    assert generate(tiny, PROMPTS[0], replace(hot, seed=1)).ids != first


def test_writing_leaves_torchs_own_random_numbers_alone(tiny: LoadedModel) -> None:
    before = torch.random.get_rng_state()
    generate(tiny, PROMPTS[0], Sampling(max_length=LONGEST, do_sample=True))
    assert torch.equal(torch.random.get_rng_state(), before)


def test_greedy_ignores_what_only_sampling_uses(tiny: LoadedModel) -> None:
    plain = generate(tiny, PROMPTS[0], Sampling(LONGEST))
    odd = generate(tiny, PROMPTS[0], Sampling(LONGEST, top_k=3, top_p=0.1, temperature=9.0, seed=3))
    assert odd.ids == plain.ids


def test_no_pair_of_tokens_comes_twice(tiny: LoadedModel) -> None:
    ids = generate(tiny, PROMPTS[0], Sampling(max_length=64)).ids
    pairs = list(itertools.pairwise(ids))
    assert len(set(pairs)) == len(pairs)
    freely = generate(tiny, PROMPTS[0], Sampling(max_length=64, no_repeat_ngram_size=0)).ids
    assert freely != ids


def test_it_stops_at_the_end_token_as_transformers_does(tiny: LoadedModel) -> None:
    sampling = Sampling(max_length=LONGEST)
    written = generate(tiny, PROMPTS[0], sampling)
    new = written.ids[written.prompt_tokens :]
    count = next(i for i in range(4, len(new)) if new.index(new[i]) == i)  # a token that was not written before
    loaded = ending_with(tiny, new[count])
    ended = generate(loaded, PROMPTS[0], sampling)
    assert ended.ids == written.ids[: written.prompt_tokens + count + 1]
    assert ended.ids == by_transformers(loaded, PROMPTS[0], sampling)
    assert (ended.done, ended.new_tokens) == (True, count + 1)


@each("max_length, length", [(30, 30), (64, 64), (1000, 64)])
def test_it_stops_at_the_maximum_or_at_the_context(tiny: LoadedModel, max_length: int, length: int) -> None:
    steps = list(stream(tiny, PROMPTS[0], Sampling(max_length=max_length)))
    assert len(steps[-1].ids) == length
    assert [s.done for s in steps] == [False] * (len(steps) - 1) + [True]


def test_each_step_adds_one_token_to_the_last(tiny: LoadedModel) -> None:
    prompt = tuple(tiny.tokenizer.encode(PROMPTS[0], add_special_tokens=False))
    steps = list(stream(tiny, PROMPTS[0], Sampling(max_length=30)))
    assert steps[0].ids[:-1] == prompt
    for before, after in itertools.pairwise(steps):
        assert after.ids[:-1] == before.ids
        assert after.seconds > before.seconds
    assert [s.new_tokens for s in steps] == list(range(1, 31 - len(prompt)))
    assert steps[-1].text == tiny.tokenizer.decode(steps[-1].ids, skip_special_tokens=True)
    assert steps[-1].text.startswith(PROMPTS[0])
    assert steps[-1].tokens_per_s == pytest.approx(steps[-1].new_tokens / steps[-1].seconds)


def test_one_forward_a_token_and_none_before_it_is_asked_for(
    tiny: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    widths: list[int] = []
    real = Gpt2Reader.read

    def spy(self: Gpt2Reader, ids: list[int], *, every: bool = False) -> torch.Tensor:
        widths.append(len(ids))
        return real(self, ids, every=every)

    monkeypatch.setattr(Gpt2Reader, "read", spy)
    steps = stream(tiny, PROMPTS[0])
    assert widths == []
    prompt = len(tiny.tokenizer.encode(PROMPTS[0], add_special_tokens=False))
    next(steps)
    assert widths == [prompt]
    next(steps)
    next(steps)
    assert widths == [prompt, 1, 1]  # what was read is kept, not read again
    steps.close()
    assert len(widths) == 3


def test_two_models_can_take_turns(tiny: LoadedModel) -> None:
    sampling = Sampling(max_length=LONGEST, do_sample=True, temperature=2.0, seed=4)
    pairs = list(zip(stream(tiny, PROMPTS[0], sampling), stream(tiny, PROMPTS[0], sampling), strict=True))
    assert all(a.ids == b.ids for a, b in pairs)
    assert pairs[-1][0].ids == generate(tiny, PROMPTS[0], sampling).ids


def test_no_gradients_are_kept(tiny: LoadedModel) -> None:
    with torch.enable_grad():
        steps = stream(tiny, PROMPTS[0])
        next(steps)
        assert torch.is_grad_enabled()


def test_the_notebooks_warnings_do_not_appear(
    tiny: LoadedModel, transformers_log: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    generate(tiny, PROMPTS[0], Sampling(max_length=30))
    generate(tiny, PROMPTS[0], Sampling(max_length=30, do_sample=True))
    assert transformers_log == []
    assert capfd.readouterr() == ("", "")


def test_the_listener_would_hear_them(tiny: LoadedModel, transformers_log: list[str]) -> None:
    tiny.model.generate(torch.tensor([[5, 6, 7]] * 2), max_length=5, do_sample=False)
    assert any("attention mask" in message or "pad_token_id" in message for message in transformers_log)


@each("prompt", ["", " ", "\n\t "])
def test_an_empty_prompt_is_refused_at_once(tiny: LoadedModel, prompt: str) -> None:
    with pytest.raises(PromptError) as caught:
        stream(tiny, prompt)
    assert caught.value.text.es == "El texto de partida está vacío; escribe al menos una palabra."
    assert caught.value.text.en == "The prompt is empty; write at least one word."


@each("max_length, room", [(1000, 63), (20, 19)])
def test_a_prompt_that_leaves_no_room_is_refused_with_what_fits(tiny: LoadedModel, max_length: int, room: int) -> None:
    prompt = "ñandú " * 30
    got = len(tiny.tokenizer.encode(prompt, add_special_tokens=False))
    with pytest.raises(PromptError) as caught:
        stream(tiny, prompt, Sampling(max_length=max_length))
    assert caught.value.text.es == (
        f"El texto de partida tiene {got} tokens; con longitud máxima {max_length} y contexto 64 caben {room}."
    )
    assert caught.value.text.en == (
        f"The prompt has {got} tokens; with maximum length {max_length} and context 64, {room} fit."
    )


def test_the_longest_prompt_that_fits_gets_one_token(tiny: LoadedModel) -> None:
    prompt = "a" * 19
    got = len(tiny.tokenizer.encode(prompt, add_special_tokens=False))
    assert generate(tiny, prompt, Sampling(max_length=got + 1)).new_tokens == 1
    with pytest.raises(PromptError):
        stream(tiny, prompt, Sampling(max_length=got))


@each(
    "name, value, low, high",
    [
        ("max_length", 1, "2", "100000"),
        ("max_length", 100_001, "2", "100000"),
        ("no_repeat_ngram_size", -1, "0", "100"),
        ("top_k", -1, "0", "1000000"),
        ("top_p", 0.0, "0.01", "1"),
        ("top_p", 1.01, "0.01", "1"),
        ("temperature", 0.0, "0.01", "100"),
        ("temperature", -0.7, "0.01", "100"),
        ("temperature", float("nan"), "0.01", "100"),
        ("temperature", float("inf"), "0.01", "100"),
        ("seed", -1, "0", str(2**63 - 1)),
        ("seed", 2**63, "0", str(2**63 - 1)),
    ],
)
def test_a_setting_out_of_range_is_refused_with_its_range(name: str, value: float, low: str, high: str) -> None:
    with pytest.raises(PromptError) as caught:
        Sampling(**{name: value})
    assert (
        caught.value.text.es
        == Text("{n} = {v}: tiene que estar entre {a} y {b}.", "")
        .format(n=name, v=as_typed(value), a=as_typed(low), b=as_typed(high))
        .es
    )
    assert caught.value.text.en == f"{name} = {value}: it must be from {low} to {high}."


def test_the_defaults_are_the_notebooks_and_greedy() -> None:
    assert Sampling() == Sampling(150, 2, False, 50, 0.95, 0.7, 0)


@each(
    "a, b, index",
    [((1, 2, 3), (1, 2, 3), None), ((1, 2, 3), (1, 9, 3), 1), ((1,), (2,), 0), ((), (), None), ((), (1,), None)],
)
def test_the_first_difference(a: tuple[int, ...], b: tuple[int, ...], index: int | None) -> None:
    assert first_difference(a, b) == index
    assert first_difference(b, a) == index


def test_a_text_that_goes_on_does_not_differ_yet() -> None:
    assert first_difference((1, 2), (1, 2, 3)) is None
