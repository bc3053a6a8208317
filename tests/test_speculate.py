"""A draft changes the speed and nothing else: the text is the original's, whoever drafts and however much."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from cases import each
from transformers import (
    GenerationConfig,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
)

from quant.errors import PromptError
from quant.generation import Sampling, encode_prompt, first_difference, generate
from quant.loading import load_model
from quant.model.load import LoadedModel
from quant.model.skeleton import turn_conv1d
from quant.quantization import quantize_model, structural_copy
from quant.recipe import Recipe
from quant.run import step
from quant.run.reader import Gpt2Reader, OwnReader
from quant.scheme import PerGroup, Scheme
from quant.speculate import TIE, Round, acceptance, agreement, speculate
from quant.text import Text

PROMPTS = [
    "Me gusta mucho el futbol", "La ciudad de Madrid es", "El río nace en", "Durante la guerra civil", "La música de",
    "En el siglo XIX", "Los animales que viven", "Había una vez", "El rey Felipe", "La batalla de", "Aquella noche",
    "Don Quijote salió", "El agua hierve", "Su madre le dijo que", "En la provincia de Burgos", "El equipo ganó",
    "La película fue dirigida por", "Las montañas del norte", "Un día de invierno", "El tren llegó tarde",
    "La iglesia parroquial", "Era un hombre alto", "El municipio tiene una población de", "Los romanos construyeron",
    "La lengua española", "Nació en Sevilla en 1856", "El sol se ponía", "¿Qué hora es?", "La casa estaba vacía",
    "El gobierno de Chile", "Una mujer de ojos negros", "El planeta Marte", "La economía del país",
    "Entró en la habitación y", "El barco zarpó de Cádiz", "Las plantas de esta especie", "La universidad fue fundada",
    "No quiero volver a", "El Imperio otomano", "Publicó su primera novela", "La niña miraba por la ventana",
    "El álbum contiene", "A orillas del mar", "La estación de ferrocarril", "El perro dormía", "Según el censo de 2001",
    "Los soldados marchaban", "La reina Isabel", "El doctor abrió la carta", "Cuando llegó el invierno",
]  # fmt: skip
BITS = (2, 3, 4, 8)
PROMPT = PROMPTS[0]


def rounded(loaded: LoadedModel, bits: int, group: int = 64) -> LoadedModel:
    return quantize_model(loaded, Recipe.uniform(Scheme.integer(bits, PerGroup(group)), model=loaded.name))


def random_model(like: LoadedModel, seed: int, **changes: int) -> LoadedModel:
    """A GPT-2 of the same shape that has learned nothing, its numbers spread so that nothing ties."""
    config = GPT2Config(**{**like.model.config.to_dict(), "initializer_range": 0.2, **changes})
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = GPT2LMHeadModel(config)
    turn_conv1d(model)
    return replace(like, model=model.eval().requires_grad_(False))


def written(original: LoadedModel, draft: LoadedModel, sampling: Sampling, k: int, prompt: str = PROMPT) -> list[Round]:
    return list(speculate(original, draft, prompt, sampling, k))


def margin(loaded: LoadedModel, ids: tuple[int, ...], sampling: Sampling) -> float:
    """How far apart the two best logits after `ids` are, of those that may follow."""
    logits = loaded.model(torch.tensor([ids])).logits[:, -1].float()
    first, second = sampling.processors()(torch.tensor([ids]), logits)[0].topk(2).values
    return float(first - second)


@pytest.fixture(scope="module")
def embedded() -> LoadedModel:
    return load_model()


@pytest.fixture(scope="module")
def drafts(embedded: LoadedModel) -> dict[int, LoadedModel]:
    return {bits: rounded(embedded, bits) for bits in BITS}


@pytest.fixture(scope="module")
def coarse(tiny: LoadedModel) -> LoadedModel:
    """The tiny model in 3 bits: right now and then."""
    return rounded(tiny, 3)


# ---- the text is the original's


def test_there_are_fifty_prompts() -> None:
    assert len(set(PROMPTS)) == 50


@each("first", range(2))
def test_the_text_is_the_originals_own(embedded: LoadedModel, drafts: dict[int, LoadedModel], first: int) -> None:
    """Every prompt, with each number of drafted tokens and each width in turn; near ties are counted, and rare."""
    tied = 0
    for i, prompt in enumerate(PROMPTS):
        k, bits, ngram = (i + 3 * first) % 7 + 1, BITS[(i + i // 7 + first) % 4], (0, 2, 3)[(i + first) % 3]
        length = len(encode_prompt(embedded, prompt, 512)) + 12 + i % 9
        sampling = Sampling(length, ngram, stop_at_end=i % 2 == 0)
        alone = generate(embedded, prompt, sampling)
        last = written(embedded, drafts[bits], sampling, k, prompt)[-1]
        part = first_difference(alone.ids, last.ids)
        if part is None:
            assert last.ids == alone.ids, prompt
        else:
            assert margin(embedded, alone.ids[:part], sampling) <= TIE, (prompt, k, bits, ngram)
            assert last.tied
            tied += 1
    assert tied <= 1


@each("ngram", [0, 2])
@each("k", [1, 2, 3, 4, 5, 6, 7, 12, 40])
def test_up_to_the_end_of_the_context(tiny: LoadedModel, coarse: LoadedModel, k: int, ngram: int) -> None:
    sampling = Sampling(1000, ngram)
    rounds = written(tiny, coarse, sampling, k)
    assert rounds[-1].ids == generate(tiny, PROMPT, sampling).ids
    assert len(rounds[-1].ids) == tiny.context
    assert 0 < acceptance(rounds) < 1


@each("left", [1, 2, 3, 5, 8])
@each("k", [1, 4, 7])
def test_a_prompt_near_the_end_of_the_context(tiny: LoadedModel, coarse: LoadedModel, k: int, left: int) -> None:
    prompt = next(
        text for n in itertools.count(1) if len(tiny.tokenizer.encode(text := "ñ." * n)) >= tiny.context - left
    )
    free = tiny.context - len(tiny.tokenizer.encode(prompt))
    assert 1 <= free <= left
    rounds = written(tiny, coarse, Sampling(1000, 0), k, prompt)
    assert rounds[-1].ids == generate(tiny, prompt, Sampling(1000, 0)).ids
    assert rounds[-1].new_tokens == free


@each("k", [1, 4])
def test_room_for_one_token_leaves_nothing_to_draft(tiny: LoadedModel, coarse: LoadedModel, k: int) -> None:
    length = len(tiny.tokenizer.encode(PROMPT)) + 1
    (only,) = written(tiny, coarse, Sampling(length), k)
    assert (only.drafted, only.accepted, only.new_tokens, only.judged, only.done) == ((), 0, 1, 0, True)
    assert only.ids == generate(tiny, PROMPT, Sampling(length)).ids
    assert math.isnan(acceptance([only]))
    assert math.isnan(agreement([only]))


@each("k", [1, 3, 7])
def test_the_original_as_its_own_draft_accepts_everything(tiny: LoadedModel, k: int) -> None:
    rounds = written(tiny, tiny, Sampling(60), k)
    assert acceptance(rounds) == agreement(rounds) == 1
    assert len(rounds) == math.ceil(rounds[-1].new_tokens / (k + 1))
    assert rounds[-1].ids == generate(tiny, PROMPT, Sampling(60)).ids


@each("k", [1, 4])
def test_a_draft_that_knows_nothing_is_never_right_and_changes_nothing(embedded: LoadedModel, k: int) -> None:
    sampling = Sampling(40, stop_at_end=False)
    rounds = written(embedded, random_model(embedded, 7), sampling, k)
    assert acceptance(rounds) < 0.05
    assert rounds[-1].ids == generate(embedded, PROMPT, sampling).ids


def test_a_better_draft_is_right_more_often(embedded: LoadedModel, drafts: dict[int, LoadedModel]) -> None:
    sampling = Sampling(60, 0, stop_at_end=False)
    few, many = (
        acceptance([r for p in PROMPTS[:5] for r in written(embedded, drafts[bits], sampling, 3, p)]) for bits in (2, 8)
    )
    assert few < many - 0.3


@each("k", [1, 4, 7])
def test_a_draft_of_shorter_context_stops_drafting_and_the_text_goes_on(tiny: LoadedModel, k: int) -> None:
    short = random_model(tiny, 3, n_positions=32)
    assert short.context == 32
    rounds = written(tiny, short, Sampling(1000, 0), k)
    assert rounds[-1].ids == generate(tiny, PROMPT, Sampling(1000, 0)).ids
    assert len(rounds[-1].ids) == 64
    assert all(r.drafted == () for r in rounds if len(r.ids) > 34)
    assert any(r.drafted for r in rounds)


@each("k", [1, 4])
def test_without_the_compiled_step(
    tiny: LoadedModel, coarse: LoadedModel, k: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_it = written(tiny, coarse, Sampling(50), k)
    monkeypatch.setattr(step, "supports", lambda model: False)
    without = written(tiny, coarse, Sampling(50), k)
    assert [r.ids for r in without] == [r.ids for r in with_it]
    assert without[-1].ids == generate(tiny, PROMPT, Sampling(50)).ids


SHAPE = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 2,
         "num_key_value_heads": 1, "head_dim": 32, "max_position_embeddings": 64, "initializer_range": 0.2}  # fmt: skip


@each("k", [1, 4, 7])
@each(
    "make",
    [
        lambda n: LlamaForCausalLM(LlamaConfig(vocab_size=n, **SHAPE)),
        lambda n: MistralForCausalLM(MistralConfig(vocab_size=n, sliding_window=8, **SHAPE)),
    ],
)
def test_other_architectures(tiny: LoadedModel, make: Callable[[int], LlamaForCausalLM], k: int) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(11)
        model = make(tiny.model.config.vocab_size).eval().requires_grad_(False)
    original = replace(tiny, model=model)
    sampling = Sampling(50, 0, stop_at_end=False)
    rounds = written(original, rounded(original, 4, 32), sampling, k)
    assert rounds[-1].ids == generate(original, PROMPT, sampling).ids
    assert 0 < acceptance(rounds) < 1


def test_the_other_architectures_have_their_own_reader(tiny: LoadedModel) -> None:
    from quant.run.reader import reader

    assert isinstance(reader(LlamaForCausalLM(LlamaConfig(vocab_size=9, **SHAPE)), 8), OwnReader)
    assert isinstance(reader(tiny.model, 8), Gpt2Reader)


# ---- the end token


def ending_with(loaded: LoadedModel, token: int) -> LoadedModel:
    """The same model, for which `token` is the end."""
    tokenizer = copy.deepcopy(loaded.tokenizer)
    tokenizer.eos_token = tokenizer.convert_ids_to_tokens(token)
    assert tokenizer.eos_token_id == token
    model = structural_copy(loaded.model)
    model.generation_config = GenerationConfig(eos_token_id=token)
    return replace(loaded, model=model, tokenizer=tokenizer)


@each("k", [1, 2, 3, 4, 5, 6, 7])
def test_it_ends_where_the_original_does(tiny: LoadedModel, coarse: LoadedModel, k: int) -> None:
    """Whether the draft came upon the end or the original did, and with more drafted after it or not."""
    alone = generate(tiny, PROMPT, Sampling(60))
    new = alone.ids[alone.prompt_tokens :]
    ends: set[bool] = set()
    for count in (i for i in range(2, 24) if new.index(new[i]) == i and new[i] not in alone.ids[: alone.prompt_tokens]):
        original = ending_with(tiny, new[count])
        for draft in (coarse, tiny):
            rounds = written(original, replace(draft, tokenizer=original.tokenizer), Sampling(60), k)
            assert not any(new[count] in r.drafted[:-1] for r in rounds)  # nothing is drafted after the end
            last = rounds[-1]
            assert last.ids == alone.ids[: alone.prompt_tokens + count + 1]
            assert last.done
            ends.add(last.own is None)
            assert (last.drafted[: last.accepted][-1:] if last.own is None else (last.own,)) == (new[count],)
    assert ends == {True, False}


def test_an_end_token_that_does_not_end_is_a_token_like_any_other(tiny: LoadedModel, coarse: LoadedModel) -> None:
    sampling = Sampling(60, stop_at_end=False)
    new = generate(tiny, PROMPT, sampling).ids
    original = ending_with(tiny, new[20])
    assert written(original, replace(coarse, tokenizer=original.tokenizer), sampling, 4)[-1].ids == new


# ---- what a round says


@each("k", [1, 4, 7])
@each("stop_at_end", [True, False])
def test_the_fields_of_a_round_agree(
    embedded: LoadedModel, drafts: dict[int, LoadedModel], k: int, stop_at_end: bool
) -> None:
    sampling = Sampling(60, stop_at_end=stop_at_end)
    rounds = written(embedded, drafts[4], sampling, k)
    prompt = tuple(encode_prompt(embedded, PROMPT, 60))
    ids, seconds, draft_seconds, tied = prompt, 0.0, 0.0, 0
    for r in rounds:
        own = () if r.own is None else (r.own,)
        assert r.ids == ids + r.drafted[: r.accepted] + own
        assert r.accepted <= r.judged <= len(r.drafted) <= k
        assert r.judged == min(r.accepted + 1, len(r.drafted))
        if r.accepted < len(r.drafted):
            assert own != r.drafted[r.accepted : r.accepted + 1]
        assert r.prompt_tokens == len(prompt)
        assert r.new_tokens == len(r.ids) - len(prompt)
        assert r.seconds - seconds > r.draft_seconds - draft_seconds > 0 or not r.drafted
        assert r.tokens_per_s == r.new_tokens / r.seconds
        assert r.tied >= tied
        assert r.done == (r is rounds[-1])
        ids, seconds, draft_seconds, tied = r.ids, r.seconds, r.draft_seconds, r.tied
    assert acceptance(rounds) == sum(r.accepted for r in rounds) / sum(len(r.drafted) for r in rounds)
    assert acceptance(rounds) <= agreement(rounds) <= 1


def test_acceptance_falls_with_the_number_drafted_and_agreement_does_not_count_what_nobody_judged() -> None:
    half = Round((1, 2, 3, 4), 1, 9, (0, 1, 9), 1, 1.0, 0.5, 0, False)
    whole = Round((5, 6), 2, 7, (0, 1, 9, 5, 6, 7), 1, 2.0, 1.0, 0, True)
    assert acceptance([half, whole]) == 3 / 6
    assert agreement([half, whole]) == 3 / 4
    assert whole.tokens_per_s == 2.5


def test_near_ties_are_counted_where_they_are(tiny: LoadedModel, coarse: LoadedModel) -> None:
    assert written(tiny, coarse, Sampling(60), 4)[-1].tied == 0
    twins = copy.deepcopy(tiny.model)
    with torch.no_grad():  # each token has a double that is always just as likely
        twins.transformer.wte.weight[1::2] = twins.transformer.wte.weight[0::2]
    twins.tie_weights()
    doubled = replace(tiny, model=twins)
    sampling = Sampling(60, 0)
    last = written(doubled, coarse, sampling, 4)[-1]
    assert last.tied == last.new_tokens
    assert last.ids == generate(doubled, PROMPT, sampling).ids  # of equals, the first, as `generate` does


# ---- one round at a time


def test_nothing_is_read_before_it_is_asked_for_nor_after_stopping(
    tiny: LoadedModel, coarse: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[tuple[int, bool]] = []
    real = Gpt2Reader.read

    def spy(self: Gpt2Reader, ids: list[int], *, every: bool = False) -> torch.Tensor:
        reads.append((len(ids), every))
        return real(self, ids, every=every)

    whole = written(tiny, coarse, Sampling(60), 4)
    monkeypatch.setattr(Gpt2Reader, "read", spy)
    for stop in range(1, len(whole)):
        reads.clear()
        rounds = speculate(tiny, coarse, PROMPT, Sampling(60), 4)
        assert reads == []
        seen = [next(rounds) for _ in range(stop)]
        before = list(reads)
        rounds.close()  # type: ignore[attr-defined]
        assert reads == before
        assert [r.ids for r in seen] == [r.ids for r in whole[:stop]]
        asked = [n for n, every in before if every]
        assert asked == [len(r.drafted) + 1 for r in seen]  # one pass of the original a round, no logits of the prompt
    prompt = len(tiny.tokenizer.encode(PROMPT))
    # The draft reads the prompt once, then what is new: one token, or two after a round that was accepted whole.
    assert [n for n, every in reads if not every].count(prompt) == 1
    assert max(n for n, every in reads[2:] if not every and n < prompt - 1) <= 2


def test_gradients_stay_as_they_were(tiny: LoadedModel, coarse: LoadedModel) -> None:
    with torch.enable_grad():
        next(speculate(tiny, coarse, PROMPT, Sampling(60), 4))
        assert torch.is_grad_enabled()


# ---- what it refuses


def refused(original: LoadedModel, draft: LoadedModel, prompt: str, sampling: Sampling, k: int = 4) -> Text:
    with pytest.raises(PromptError) as caught:
        speculate(original, draft, prompt, sampling, k)  # at once, before a round is asked for
    return caught.value.text


def test_sampling_is_refused(tiny: LoadedModel, coarse: LoadedModel) -> None:
    said = refused(tiny, coarse, PROMPT, Sampling(do_sample=True))
    assert "voraz" in said.es
    assert "greedy" in said.en


@each("k", [0, -1])
def test_no_drafted_token_is_refused(tiny: LoadedModel, coarse: LoadedModel, k: int) -> None:
    said = refused(tiny, coarse, PROMPT, Sampling(), k)
    assert f"Se piden {k} tokens" in said.es
    assert "at least 1" in said.en


def test_a_prompt_that_is_empty_or_too_long_is_refused(tiny: LoadedModel, coarse: LoadedModel) -> None:
    assert "vacío" in refused(tiny, coarse, " \n", Sampling()).es
    assert "caben 63" in refused(tiny, coarse, "ñandú " * 30, Sampling()).es
    assert "11 fit" in refused(tiny, coarse, PROMPT * 3, Sampling(12)).en


def test_a_draft_with_other_tokens_is_refused(tiny: LoadedModel, embedded: LoadedModel) -> None:
    other = refused(embedded, tiny, PROMPT, Sampling())
    assert "tiene que usar los mismos tokens" in other.es
    assert "must use the same tokens" in other.en
    assert tiny.name in other.en
    wider = random_model(tiny, 0, vocab_size=tiny.model.config.vocab_size + 1)  # the same dictionary, another table
    assert str(tiny.model.config.vocab_size + 1) in refused(tiny, wider, PROMPT, Sampling()).es
    disguised = replace(tiny, tokenizer=embedded.tokenizer)  # the same sizes, another dictionary
    assert tiny.name in refused(tiny, disguised, PROMPT, Sampling()).es


def test_a_tokenizer_loaded_twice_is_the_same(tiny: LoadedModel, coarse: LoadedModel) -> None:
    again = replace(coarse, tokenizer=copy.deepcopy(tiny.tokenizer))
    assert written(tiny, again, Sampling(30), 4)[-1].ids == generate(tiny, PROMPT, Sampling(30)).ids
