"""Two models on the same tokens: against transformers' own loss, the definition in float64, and arithmetic by hand."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
import pytest
import torch
from letters import CHANCES, DOCUMENTS, TEXT, Letters, bigrams, plain_loss, text_of
from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel
from working import known

from quant.errors import EvaluationError
from quant.evaluation import compare as module
from quant.evaluation.compare import Reference, TokenScores, compare, compare_steps, final_hidden
from quant.evaluation.quality import evaluate, windows_of
from quant.model.load import LoadedModel
from quant.quantization import quantize_model
from quant.recipe import Recipe
from quant.scheme import PerChannel, Scheme
from quant.texts import own_text
from quant.work import finished

COLUMNS = list(TokenScores.__annotations__)
WHOLE = ["window", "document", "position"]


@pytest.fixture(scope="module")
def small(tiny: LoadedModel) -> LoadedModel:
    """The tiny model with its table too in 3 bits: far enough from the original for a KL of some tenths."""
    return quantize_model(tiny, Recipe.uniform(Scheme.integer(3, PerChannel()), table=True))


@contextmanager
def counted(loaded: LoadedModel) -> Iterator[list[int]]:
    """Rows of each forward pass of a model while the block runs."""
    rows: list[int] = []
    handle = loaded.model.get_input_embeddings().register_forward_pre_hook(
        lambda _, args: rows.append(args[0].shape[0])
    )
    try:
        yield rows
    finally:
        handle.remove()


def log_probabilities(loaded: LoadedModel, document: str) -> tuple[Tensor, list[int]]:
    """float64 [tokens, vocabulary] and the tokens: windows of 64 one by one, with the model's own head, whole."""
    ids = [loaded.bos, *loaded.tokenizer.encode(document, add_special_tokens=False)]
    rows = []
    for start in range(0, len(ids) - 1, 64):
        with torch.no_grad():
            logits = loaded.model(torch.tensor([ids[start : min(start + 64, len(ids) - 1)]])).logits[0]
        rows.append(logits.double().log_softmax(-1))
    return torch.cat(rows), ids[1:]


def by_definition(original: LoadedModel, quantized: LoadedModel) -> dict[str, np.ndarray]:
    """The columns of the comparison on TEXT, as a textbook has them."""
    columns: dict[str, list[Tensor]] = {}
    for document in DOCUMENTS:
        (p, ids), (q, _) = log_probabilities(original, document), log_probabilities(quantized, document)
        at = (torch.arange(len(ids)), torch.tensor(ids))
        for name, values in {
            "nats_original": -p[at], "nats_quantized": -q[at], "p_original": p[at].exp(), "p_quantized": q[at].exp(),
            "kl": (p.exp() * (p - q)).sum(-1), "same_top": (p.argmax(-1) == q.argmax(-1)).double(),
        }.items():  # fmt: skip
            columns.setdefault(name, []).append(values)
    return {name: torch.cat(values).numpy() for name, values in columns.items()}


def assert_near(got: TokenScores, expected: dict[str, np.ndarray]) -> None:
    """Within float32 arithmetic: of logits of some tens."""
    for name, values in expected.items():
        np.testing.assert_allclose(getattr(got, name), values, rtol=1e-4, atol=2e-5, err_msg=name)


# --- against others ---------------------------------------------------------------------------------------------------


def test_both_perplexities_are_those_of_a_plain_transformers_loop(
    tiny: LoadedModel, original: GPT2LMHeadModel, small: LoadedModel
) -> None:
    compared = compare(Reference(tiny, TEXT), small)
    tokens = compared.protocol.tokens
    for quality_, model in [(compared.original, original), (compared.quantized, small.model)]:
        assert quality_.perplexity == pytest.approx(math.exp(plain_loss(model, tiny, TEXT) / tokens), rel=1e-4)
    assert compared.quantized.perplexity != pytest.approx(compared.original.perplexity, rel=0.01)


def test_it_agrees_with_the_perplexity_that_is_taken_of_one_model_alone(tiny: LoadedModel, small: LoadedModel) -> None:
    compared = compare(Reference(tiny, TEXT), small)
    for got, alone in [(compared.original, evaluate(tiny, TEXT)), (compared.quantized, evaluate(small, TEXT))]:
        assert got.protocol == alone.protocol
        assert got.nats == pytest.approx(alone.nats, rel=1e-5)
        assert got.bits_per_byte == pytest.approx(alone.bits_per_byte, rel=1e-5)


def test_every_column_is_its_definition_in_float64(tiny: LoadedModel, small: LoadedModel) -> None:
    expected = by_definition(tiny, small)
    assert expected["kl"].mean() > 0.05  # or agreement would say little
    assert 0.1 < expected["same_top"].mean() < 0.95
    assert len({len(w.inputs) for w in windows_of(tiny, TEXT)}) > 2
    assert_near(compare(Reference(tiny, TEXT), small).tokens, expected)


@pytest.mark.parametrize(("product", "tile"), [(1, 1), (7, 3), (7, 100), (50, 50), (10_000, 7)])
def test_tiles_do_not_matter(
    tiny: LoadedModel, small: LoadedModel, monkeypatch: pytest.MonkeyPatch, product: int, tile: int
) -> None:
    whole = compare(Reference(tiny, TEXT), small).tokens
    vocabulary = tiny.model.config.vocab_size
    monkeypatch.setattr(module, "PRODUCT_VALUES", product * vocabulary + 1)
    monkeypatch.setattr(module, "TILE_VALUES", tile * vocabulary + 1)
    rows: list[int] = []
    real = module._tile

    def spy(p: Tensor, q: Tensor, targets: Tensor) -> tuple[Tensor, ...]:
        assert p.shape == q.shape == (len(targets), vocabulary)
        rows.append(len(targets))
        return real(p, q, targets)

    monkeypatch.setattr(module, "_tile", spy)
    tiled = compare(Reference(tiny, TEXT), small).tokens
    assert max(rows) == min(product, tile)
    assert sum(rows) == len(tiled.kl)
    assert_near(tiled, {name: getattr(whole, name) for name in COLUMNS})


def test_in_one_tile_or_in_many_logits_are_not_read_after_they_are_overwritten(tiny: LoadedModel) -> None:
    reference = Reference(tiny, TEXT)
    before = reference.hidden(0).clone()
    table = tiny.model.get_input_embeddings().weight.clone()
    compare(reference, tiny)
    assert torch.equal(reference.hidden(0), before)
    assert torch.equal(tiny.model.get_input_embeddings().weight, table)


# --- what must hold ---------------------------------------------------------------------------------------------------


def test_a_model_does_not_differ_from_itself(tiny: LoadedModel) -> None:
    tokens = compare(Reference(tiny, TEXT), tiny).tokens
    assert 0 <= tokens.kl.min() <= tokens.kl.max() <= 1e-6
    np.testing.assert_array_equal(tokens.nats_original, tokens.nats_quantized)
    np.testing.assert_array_equal(tokens.p_original, tokens.p_quantized)
    assert tokens.same_top.min() == 1


def test_eight_bits_hardly_differ_and_kl_is_never_below_zero(tiny: LoadedModel) -> None:
    near = quantize_model(tiny, Recipe.uniform(Scheme.integer(8, PerChannel())))
    tokens = compare(Reference(tiny, TEXT), near).tokens
    assert tokens.kl.min() >= 0
    assert 0 < tokens.kl.mean() < 0.01


def test_rounding_does_not_take_kl_below_zero(tiny: LoadedModel) -> None:
    model = copy.deepcopy(tiny.model)
    model.transformer.ln_f.weight.data *= 1 + 1e-6  # a KL of some 1e-11, less than float32 can tell from 0
    tokens = compare(Reference(tiny, TEXT), replace(tiny, model=model)).tokens
    assert (tokens.nats_original != tokens.nats_quantized).any()
    assert 0 <= tokens.kl.min() <= tokens.kl.max() <= 1e-6


def test_kl_is_of_the_original_towards_the_quantized(tiny: LoadedModel, small: LoadedModel) -> None:
    there, back = (compare(Reference(a, TEXT), b).tokens.kl.mean() for a, b in [(tiny, small), (small, tiny)])
    assert abs(there / back - 1) > 0.01  # so that the agreement with the definition tells the directions apart


def test_columns_are_float64_of_every_scored_token(tiny: LoadedModel, small: LoadedModel) -> None:
    tokens = compare(Reference(tiny, TEXT), small).tokens
    n = sum(len(tiny.tokenizer.encode(d)) for d in DOCUMENTS)
    for name in COLUMNS:
        column = getattr(tokens, name)
        assert column.shape == (n,)
        assert column.dtype == (np.int64 if name in WHOLE else np.float64)
    np.testing.assert_allclose(np.exp(-tokens.nats_original), tokens.p_original)
    np.testing.assert_allclose(np.exp(-tokens.nats_quantized), tokens.p_quantized)
    assert set(tokens.same_top) == {0.0, 1.0}


# --- by hand ----------------------------------------------------------------------------------------------------------

# After each letter; the document is "abb": BOS -> a, a -> b, b -> b.
P = [[1 / 4, 1 / 2, 1 / 8, 1 / 8], [1 / 2, 1 / 4, 1 / 8, 1 / 8], [1 / 8, 1 / 8, 1 / 4, 1 / 2], [1 / 4] * 4]
Q = [[1 / 8, 1 / 2, 1 / 4, 1 / 8], [1 / 16, 11 / 16, 1 / 8, 1 / 8], [1 / 8, 1 / 8, 1 / 8, 5 / 8], [1 / 4] * 4]


def test_three_tokens_by_hand() -> None:
    compared = compare(Reference(bigrams(P), text_of("abb"), at_least=1), bigrams(Q))
    tokens = compared.tokens
    two = math.log(2)
    # 1/4 log 2 + 1/8 log 1/2; 1/2 log 8 + 1/4 log 4/11; 1/4 log 2 + 1/2 log 4/5.
    kl = [two / 8, 3 * two / 2 + math.log(4 / 11) / 4, two / 4 + math.log(4 / 5) / 2]
    np.testing.assert_allclose(tokens.kl, kl, atol=1e-6)
    np.testing.assert_allclose(tokens.p_original, [1 / 2, 1 / 8, 1 / 4], atol=1e-6)
    np.testing.assert_allclose(tokens.p_quantized, [1 / 2, 1 / 8, 1 / 8], atol=1e-6)
    np.testing.assert_allclose(tokens.nats_original, [two, 3 * two, 2 * two], atol=1e-6)
    np.testing.assert_allclose(tokens.nats_quantized, [two, 3 * two, 3 * two], atol=1e-6)
    assert tokens.same_top.tolist() == [1, 0, 1]
    assert compared.original.perplexity == pytest.approx(4)
    assert compared.quantized.perplexity == pytest.approx(2 ** (7 / 3))
    assert compared.original.bits_per_byte == pytest.approx(2)


def test_each_token_knows_its_window_its_document_and_its_place() -> None:
    model = bigrams(CHANCES, context=4)
    tokens = compare(Reference(model, text_of("ab", "abñabñabñ", "", "a", "abña")), model).tokens
    assert tokens.document.tolist() == [0] * 2 + [1] * 9 + [3] + [4] * 4
    assert tokens.window.tolist() == [0] * 2 + [1] * 4 + [2] * 4 + [3] + [4] + [5] * 4
    assert tokens.position.tolist() == [0, 1, 0, 1, 2, 3, 0, 1, 2, 3, 0, 0, 0, 1, 2, 3]


# --- step by step -----------------------------------------------------------------------------------------------------


def test_at_each_step_both_models_have_scored_the_same_tokens(tiny: LoadedModel, small: LoadedModel) -> None:
    reference = Reference(tiny, TEXT)
    steps = known(compare_steps(reference, small))[:-1]
    windows = windows_of(tiny, TEXT)
    assert len(steps) == len(windows) > 4
    last = steps[-1]
    for n, step in enumerate(steps, 1):
        lengths = [len(w.targets) for w in windows[:n]]
        assert step.original.protocol == step.quantized.protocol == step.protocol
        assert (step.protocol.windows, step.protocol.tokens) == (n, sum(lengths))
        assert step.protocol.documents == windows[n - 1].document + 1
        assert step.fraction == pytest.approx(sum(lengths) / last.protocol.tokens)
        for name in COLUMNS:  # the beginning of the whole
            np.testing.assert_array_equal(getattr(step.tokens, name), getattr(last.tokens, name)[: sum(lengths)])
    assert last.fraction == 1
    assert last.protocol.n_bytes == TEXT.n_bytes


def test_the_last_step_is_the_whole(tiny: LoadedModel, small: LoadedModel) -> None:
    whole = compare(Reference(tiny, TEXT), small)
    last = finished(compare_steps(Reference(tiny, TEXT), small))
    assert last.protocol == whole.protocol
    assert_near(last.tokens, {name: getattr(whole.tokens, name) for name in COLUMNS})


def test_what_is_known_at_a_step_is_the_score_of_that_much_text(tiny: LoadedModel, small: LoadedModel) -> None:
    lengths = [-(-len(tiny.tokenizer.encode(d)) // 64) for d in DOCUMENTS]
    steps = known(compare_steps(Reference(tiny, TEXT), small))
    for n in range(2, len(DOCUMENTS)):
        step, part = steps[sum(lengths[:n]) - 1], text_of(*DOCUMENTS[:n])
        assert step.original.nats == pytest.approx(evaluate(tiny, part).nats, rel=1e-5)
        assert step.quantized.nats == pytest.approx(evaluate(small, part).nats, rel=1e-5)
        assert step.protocol.n_bytes == part.n_bytes


# --- the reference ----------------------------------------------------------------------------------------------------


def test_the_original_reads_a_text_once_for_all_schemes(tiny: LoadedModel, small: LoadedModel) -> None:
    reference = Reference(tiny, TEXT)
    windows = len(reference.windows)
    with counted(tiny) as of_original, counted(small) as of_small:
        first = compare(reference, small)
        assert (sum(of_original), sum(of_small)) == (windows, windows)
        again = compare(reference, small)
    assert (sum(of_original), sum(of_small)) == (windows, 2 * windows)
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(first.tokens, name), getattr(again.tokens, name))


def test_what_was_read_before_a_stop_is_not_read_again(tiny: LoadedModel, small: LoadedModel) -> None:
    reference = Reference(tiny, TEXT)
    with counted(tiny) as rows:
        assert len(list(islice(compare_steps(reference, small), 2))) == 2
        assert len(rows) == 2
        resumed = compare(reference, small)
    assert len(rows) == len(reference.windows)
    assert_near(resumed.tokens, by_definition(tiny, small))


def test_nothing_runs_before_it_is_asked_for(tiny: LoadedModel) -> None:
    with counted(tiny) as rows:
        compare_steps(Reference(tiny, TEXT), tiny)
    assert rows == []


def test_hidden_states_times_the_table_are_the_logits(tiny: LoadedModel) -> None:
    windows = windows_of(tiny, TEXT)
    hidden = torch.cat([final_hidden(tiny, window) for window in windows])
    assert hidden.dtype == torch.float32
    assert Reference(tiny, TEXT).full_bytes == hidden.nbytes
    start = 0
    for window in windows:
        with torch.no_grad():
            expected = tiny.model(window.inputs.unsqueeze(0)).logits[0]
            got = tiny.model.lm_head(hidden[start : start + len(window.inputs)])
        torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-4)
        start += len(window.inputs)
    assert start == len(hidden)


# --- what cannot be compared ------------------------------------------------------------------------------------------


def other(tiny: LoadedModel, vocabulary: int, context: int) -> LoadedModel:
    config = GPT2Config(vocab_size=vocabulary, n_positions=context, n_embd=16, n_layer=1, n_head=1)
    return replace(tiny, name="otro", model=GPT2LMHeadModel(config).eval())


def refusal(reference: Reference, quantized: LoadedModel) -> EvaluationError:
    with pytest.raises(EvaluationError) as caught:
        compare(reference, quantized)
    with pytest.raises(EvaluationError):
        next(compare_steps(reference, quantized))
    return caught.value


def test_different_vocabularies_are_refused_with_both_sizes(tiny: LoadedModel) -> None:
    size = tiny.model.config.vocab_size
    text = refusal(Reference(tiny, TEXT), other(tiny, 20, 64)).text
    assert text.es.startswith(f"Los modelos no tienen los mismos tokens (gpt2-tiny: {size}; otro: 20)")
    assert text.en.startswith(f"The models do not share their tokens (gpt2-tiny: {size}; otro: 20)")


def test_as_many_tokens_but_other_ones_are_refused_too() -> None:
    class Others(Letters):
        def get_vocab(self) -> dict[str, int]:
            return {letter: i for i, letter in enumerate(" bañ")}

    tokenizer: Any = Others()
    quantized = replace(bigrams(CHANCES, name="otro"), tokenizer=tokenizer)
    text = refusal(Reference(bigrams(CHANCES), text_of("a", "b")), quantized).text
    assert "(bigrams: 4; otro: 4)" in text.es
    assert "(bigrams: 4; otro: 4)" in text.en


def test_different_contexts_are_refused_with_both(tiny: LoadedModel) -> None:
    text = refusal(Reference(tiny, TEXT), replace(other(tiny, tiny.model.config.vocab_size, 32), name=tiny.name)).text
    assert text.es == "La referencia leyó ventanas de 64 tokens y este modelo las lee de 32: no son el mismo modelo."
    assert text.en == "The reference read windows of 64 tokens and this model reads 32: they are not the same model."


def test_another_model_of_the_same_tokens_is_refused_by_name(tiny: LoadedModel) -> None:
    text = refusal(Reference(tiny, TEXT), replace(tiny, name="otro")).text
    assert text.es.startswith(f"La referencia es de «{tiny.name}» y el modelo cuantizado, de «otro»")
    assert text.en.startswith(f"The reference is of “{tiny.name}” and the quantized model of “otro”")


def test_a_refused_model_is_not_run(tiny: LoadedModel) -> None:
    stranger = other(tiny, 20, 64)
    with counted(tiny) as first, counted(stranger) as second:
        refusal(Reference(tiny, TEXT), stranger)
    assert first == second == []


def test_a_text_shorter_than_two_windows_is_refused(tiny: LoadedModel) -> None:
    with pytest.raises(EvaluationError) as caught:
        Reference(tiny, own_text("Demasiado corto."))
    assert "hacen falta al menos 65" in caught.value.text.es
    assert "at least 65 are needed" in caught.value.text.en


def test_a_model_that_gives_no_numbers_is_scored_as_such() -> None:
    broken = bigrams([[math.nan] * 4] * 4)
    compared = compare(Reference(bigrams(CHANCES), text_of("ab", "bñ")), broken)
    assert np.isnan(compared.tokens.kl).all()
    assert math.isnan(compared.quantized.nats)
    assert compared.quantized.perplexity == math.inf
    assert math.isfinite(compared.original.perplexity)
