"""Perplexity and bits-per-byte: against a plain loop, against arithmetic by hand, and what is scored at all."""

from __future__ import annotations

import math

import pytest
import torch
from letters import CHANCES, DOCUMENTS, TEXT, bigrams, plain_loss, text_of
from transformers import GPT2LMHeadModel
from working import steps

from quant.errors import EvaluationError
from quant.evaluation import quality
from quant.evaluation.quality import Quality, evaluate, evaluate_steps, windows_of
from quant.model.load import LoadedModel
from quant.texts import TITLES, own_text, shipped_text
from quant.work import finished


@pytest.fixture
def by_hand(monkeypatch: pytest.MonkeyPatch) -> LoadedModel:
    """A model whose every probability is a power of two; texts of any length can be scored."""
    monkeypatch.setattr(quality, "MINIMUM_WINDOWS", 1)
    return bigrams(CHANCES)


def test_the_score_is_that_of_a_plain_transformers_loop(tiny: LoadedModel, original: GPT2LMHeadModel) -> None:
    assert evaluate(tiny, TEXT).nats == pytest.approx(plain_loss(original, tiny, TEXT), rel=1e-5)


def test_three_tokens_by_hand(by_hand: LoadedModel) -> None:
    # BOS -> a 1/2, a -> b 1/4, b -> ñ 1/2: 1 + 2 + 1 bits over 3 tokens and 4 bytes (ñ has two).
    scored = evaluate(by_hand, text_of("abñ"))
    assert scored.nats == pytest.approx(4 * math.log(2))
    assert scored.perplexity == pytest.approx(2 ** (4 / 3))
    assert scored.bits_per_byte == pytest.approx(1.0)
    assert (scored.protocol.tokens, scored.protocol.n_bytes) == (3, 4)


def test_documents_by_hand(by_hand: LoadedModel) -> None:
    # Twice BOS -> a 1/2, not a -> a 1/4: the second document does not see the first.
    scored = evaluate(by_hand, text_of("a", "a"))
    assert scored.nats == pytest.approx(2 * math.log(2))
    assert (scored.protocol.documents, scored.protocol.windows, scored.protocol.tokens) == (2, 2, 2)


def test_a_window_begins_with_the_token_before_its_first_target(by_hand: LoadedModel) -> None:
    by_hand.model.config.max_position_embeddings = 1
    # BOS -> a, a -> b, b -> ñ again, each in a window of its own.
    scored = evaluate(by_hand, text_of("abñ"))
    assert scored.nats == pytest.approx(4 * math.log(2))
    assert scored.protocol.windows == 3


def test_perplexity_and_bits_per_byte_are_the_arithmetic_that_they_say(tiny: LoadedModel) -> None:
    scored = evaluate(tiny, TEXT)
    assert scored.perplexity == pytest.approx(math.exp(scored.nats / scored.protocol.tokens))
    assert scored.bits_per_byte == pytest.approx(scored.nats / math.log(2) / TEXT.n_bytes)


def test_a_hopeless_model_has_infinite_perplexity_rather_than_an_overflow(tiny: LoadedModel) -> None:
    protocol = evaluate(tiny, TEXT).protocol
    assert Quality(800.0 * protocol.tokens, protocol).perplexity == math.inf


def test_each_token_but_the_first_is_a_target_once(tiny: LoadedModel) -> None:
    for document in DOCUMENTS:
        ids = [tiny.bos, *tiny.tokenizer.encode(document, add_special_tokens=False)]
        windows = windows_of(tiny, text_of(document, *DOCUMENTS))[: -(-(len(ids) - 1) // 64)]
        assert torch.cat([w.targets for w in windows]).tolist() == ids[1:]
        assert torch.cat([w.inputs for w in windows]).tolist() == ids[:-1]
        assert all(len(w.inputs) == 64 for w in windows[:-1])


def test_the_documents_reach_over_several_windows_and_less_than_one(tiny: LoadedModel) -> None:
    lengths = [len(tiny.tokenizer.encode(d)) for d in DOCUMENTS]
    assert min(lengths) < 32
    assert max(lengths) > 3 * 64


def test_documents_do_not_see_each_other(tiny: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quality, "MINIMUM_WINDOWS", 1)
    alone = [evaluate(tiny, text_of(document)).nats for document in DOCUMENTS]
    assert evaluate(tiny, TEXT).nats == pytest.approx(sum(alone), rel=1e-6)
    assert evaluate(tiny, text_of(*reversed(DOCUMENTS))).nats == pytest.approx(sum(alone), rel=1e-6)


def test_padding_does_not_matter(tiny: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    together = evaluate(tiny, TEXT)
    batches: list[int] = []
    handle = tiny.model.get_input_embeddings().register_forward_pre_hook(
        lambda _, args: batches.append(args[0].shape[0])
    )
    try:
        evaluate(tiny, TEXT)
        monkeypatch.setattr(quality, "LOGITS_BUDGET", 1)
        alone = evaluate(tiny, TEXT)
    finally:
        handle.remove()
    assert batches == [together.protocol.windows] + [1] * together.protocol.windows
    assert alone.nats == pytest.approx(together.nats, rel=1e-6)
    assert alone.protocol == together.protocol


def test_the_logits_of_a_batch_stay_in_their_budget(tiny: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    a_window = tiny.model.config.vocab_size * 64
    monkeypatch.setattr(quality, "LOGITS_BUDGET", 3 * a_window + 1)
    batches: list[int] = []
    handle = tiny.model.get_input_embeddings().register_forward_pre_hook(
        lambda _, args: batches.append(args[0].shape[0])
    )
    evaluate(tiny, TEXT)
    handle.remove()
    assert max(batches) == 3


def test_partial_results_grow_to_the_whole(tiny: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quality, "LOGITS_BUDGET", 1)
    said, result = steps(evaluate_steps(tiny, TEXT))
    so_far = [step.so_far for step in said if step.so_far]
    fractions, tokens = [step.fraction for step in said], [q.protocol.tokens for q in so_far]
    nats = [q.nats for q in so_far]
    assert len(said) == len(so_far) == result.protocol.windows > 4
    assert so_far[-1] is result
    for rising in (fractions, tokens, nats):
        assert rising == sorted(set(rising))
    assert fractions[-1] == 1
    assert [q.protocol.windows for q in so_far] == list(range(1, len(said) + 1))


def test_a_part_is_scored_only_when_asked_for(tiny: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quality, "LOGITS_BUDGET", 1)
    forwards: list[int] = []
    handle = tiny.model.get_input_embeddings().register_forward_pre_hook(lambda _, args: forwards.append(1))
    work = evaluate_steps(tiny, TEXT)
    next(work)
    work.close()
    handle.remove()
    assert len(forwards) == 1


def test_the_protocol_says_what_was_done(tiny: LoadedModel) -> None:
    protocol = evaluate(tiny, TEXT).protocol
    assert (protocol.text, protocol.context, protocol.stride, protocol.bos) == ("test", 64, 64, True)
    assert (protocol.documents, protocol.arithmetic) == (4, "float32")
    assert protocol.tokens == sum(len(tiny.tokenizer.encode(d)) for d in DOCUMENTS)
    assert protocol.n_bytes == TEXT.n_bytes == sum(len(d.encode()) for d in DOCUMENTS)


@pytest.mark.parametrize("content", ["a", "Demasiado corto.", "tarde " * 9])
def test_a_text_of_one_window_is_refused_with_what_is_needed(tiny: LoadedModel, content: str) -> None:
    got = len(tiny.tokenizer.encode(content.strip()))
    assert got <= 64
    with pytest.raises(EvaluationError) as caught:
        finished(evaluate_steps(tiny, own_text(content)))
    assert evaluate(tiny, own_text(content)).protocol.windows == 1, "whoever asks for no interval gets a figure"
    assert caught.value.text.es == (
        f"El texto tiene {got} tokens y este modelo los lee de 64 en 64: hacen falta al menos 65, para que haya dos "
        "ventanas."
    )
    assert caught.value.text.en == (
        f"The text has {got} tokens and this model reads 64 at a time: at least 65 are needed, to make two windows."
    )


def test_two_windows_are_enough_and_as_many_tokens_as_the_refusal_asks_for() -> None:
    model = bigrams(CHANCES, context=4)
    with pytest.raises(EvaluationError, match="at least 5"):
        finished(evaluate_steps(model, own_text("abña")))
    assert evaluate(model, own_text("abñab")).protocol.windows == 2
    assert evaluate(model, text_of("a", "b")).protocol.windows == 2  # of a document each


def test_each_window_knows_its_document(tiny: LoadedModel) -> None:
    lengths = [len(tiny.tokenizer.encode(d)) for d in DOCUMENTS]
    windows = windows_of(tiny, TEXT)
    expected = [number for number, n in enumerate(lengths) for _ in range(-(-n // 64))]
    assert [w.document for w in windows] == expected
    for number, document in enumerate(DOCUMENTS):
        own = [w for w in windows if w.document == number]
        assert sum(w.n_bytes for w in own) == pytest.approx(len(document.encode()))
        assert torch.cat([w.targets for w in own]).tolist() == tiny.tokenizer.encode(document)


@pytest.mark.parametrize("content", ["", "  \n\t "])
def test_an_empty_text_is_refused(content: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        own_text(content)
    assert caught.value.text.es == "No hay ningún texto que evaluar; pega unas cuantas frases."
    assert caught.value.text.en == "There is no text to score; paste a few sentences."


def test_a_visitors_text_is_one_document() -> None:
    text = own_text("  Uno.\n\nDos.\n")
    assert (text.name, text.documents) == ("own", ("Uno.\n\nDos.",))


def test_an_unknown_shipped_text_is_refused_with_those_that_exist(tiny: LoadedModel) -> None:
    with pytest.raises(EvaluationError) as caught:
        evaluate(tiny, "quijote")
    assert caught.value.text.es == "No hay un texto «quijote»; los incluidos son: enciclopedia, literatura."
    assert caught.value.text.en == "There is no text “quijote”; the shipped ones are: enciclopedia, literatura."


@pytest.mark.parametrize(("name", "documents"), [("enciclopedia", 48), ("literatura", None)])
def test_the_shipped_texts_are_whole_documents(name: str, documents: int | None) -> None:
    text = shipped_text(name)
    assert text.title == TITLES[name]
    assert text.n_bytes > 50_000
    assert all(d and d == d.strip() and "\n\n" not in d for d in text.documents)
    assert documents in (None, len(text.documents))


def test_the_head_of_a_text_is_whole_documents() -> None:
    text = text_of("ñ" * 10, "b" * 10, "c" * 10)
    assert text.head(1).documents == text.head(20).documents == ("ñ" * 10,)
    assert text.head(21).documents == text.documents[:2]
    assert text.head(1000) == text


def words(n: int) -> str:
    """A document of `n` words, all different, with more bytes than letters."""
    return " ".join(f"añada{i}" for i in range(n))


def test_a_part_is_whole_documents_where_they_are_enough() -> None:
    text = text_of(*[words(20) for _ in range(40)])
    size = len(words(20).encode())
    for n in (12, 13, 30):
        assert text.part(n * size).documents == text.documents[:n]
    assert text.part(13 * size - 1).documents == text.documents[:13]
    assert text.part(10**9).documents == text.documents


@pytest.mark.parametrize("n_documents", [40, 12, 5, 2])
def test_else_a_part_is_the_beginning_of_each_document(n_documents: int) -> None:
    text = text_of(words(6), *[words(400 + i) for i in range(n_documents - 1)])
    part = text.part(8_000)
    assert (part.name, part.title) == (text.name, text.title)
    assert len(part.documents) == n_documents
    assert part.documents[0] == text.documents[0]  # shorter than its share: whole
    for cut, document in zip(part.documents, text.documents, strict=True):
        n = len(cut.split(" "))
        assert cut.split(" ") == document.split(" ")[:n]  # no word cut
    assert 0.9 * 8_000 * (n_documents - 1) / n_documents < part.n_bytes < 1.2 * 8_000


@pytest.mark.parametrize(("name", "n_bytes"), [("enciclopedia", 20_000), ("literatura", 20_000)])
def test_a_part_of_a_shipped_text_has_documents_enough_for_intervals(name: str, n_bytes: int) -> None:
    whole, part = shipped_text(name), shipped_text(name).part(n_bytes)
    assert len(part.documents) >= 12
    assert 0.8 * n_bytes < part.n_bytes < 1.3 * n_bytes
    for cut, document in zip(part.documents, whole.documents, strict=False):
        assert cut
        assert document.startswith(cut)
        assert cut == document or document[len(cut)].isspace()


def test_a_part_keeps_something_of_every_document_and_counts_bytes() -> None:
    spaceless = "日本語のテキストです。" * 50
    part = text_of(spaceless, *["palabra " * 400] * 12).part(3000)
    assert all(part.documents)
    assert part.n_bytes <= 3000
    assert all(shipped_text("enciclopedia").part(100).documents)


@pytest.mark.parametrize("content", ["bytes\x00de un archivo", "medio \ud83d carácter", 7, None, b"hola"])
def test_what_is_not_text_is_refused(content: object) -> None:
    with pytest.raises(EvaluationError) as caught:
        own_text(content)  # type: ignore[arg-type]
    assert "no es texto" in caught.value.text.es
    assert "not text" in caught.value.text.en


def test_line_breaks_and_tabs_are_text() -> None:
    assert own_text("uno\ttres\r\ndos\n").documents == ("uno\ttres\r\ndos",)
