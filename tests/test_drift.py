"""Token drift: against arithmetic by hand and a plain transformers forward; its markup; its cards in a browser."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import GPT2LMHeadModel
from working import fractions

from quant.errors import EvaluationError
from quant.evaluation import drift as drift_module
from quant.evaluation.drift import Candidate, Drift, Span, TokenDrift, drift, drift_steps
from quant.lab import Lab
from quant.model.load import EMBEDDED, LoadedModel
from quant.quantization import quantize_model
from quant.recipe import Recipe
from quant.scheme import PerGroup, Scheme
from quant.text import Language
from quant.ui.shared import texts as shared_texts
from quant.ui.sidebar.choice import Choice
from quant.ui.tabs.text import drift_texts
from quant.ui.tabs.text.drift import (
    Asked,
    default_text,
    drift_html,
    reading,
)
from quant.ui.tabs.text.tokens import level, percent, times, visible

TEXT = "Me gusta mucho el futbol, pero no lo es todo: también el mar."
LETTERS = "·abñ"
# Row t: the probabilities after token t; every one a power of two.
BEFORE = [[0.25, 0.5, 0.125, 0.125], [0.25] * 4, [0.125, 0.125, 0.25, 0.5], [0.5, 0.125, 0.125, 0.25]]
AFTER = [[0.5, 0.25, 0.125, 0.125], [0.25] * 4, [0.125, 0.125, 0.5, 0.25], [0.5, 0.125, 0.125, 0.25]]


def read(lab: Lab, language: Language, choice: Choice, text: str) -> list[str]:
    """What the output says, frame by frame."""
    return [frame.said for frame in reading(lab, language).frames(Asked(choice, text))]


@dataclass
class Bigrams(nn.Module):
    """The next token depends on the last alone: row t of `chances` are the probabilities after token t."""

    chances: list[list[float]]

    def __post_init__(self) -> None:
        super().__init__()
        self.logits = nn.Embedding.from_pretrained(torch.tensor(self.chances).log())
        self.config = SimpleNamespace(max_position_embeddings=64)

    def get_input_embeddings(self) -> nn.Embedding:
        return self.logits

    def forward(self, ids: Tensor, **cache: object) -> Any:
        return SimpleNamespace(logits=self.logits(ids), past_key_values=None)


class Letters:
    """A tokenizer of three letters; 0 begins a document."""

    bos_token_id = eos_token_id = 0

    def encode(self, text: str, **options: object) -> list[int]:
        return [LETTERS.index(letter) for letter in text]

    def decode(self, ids: list[int], **options: object) -> str:
        return "".join(LETTERS[i] for i in ids)


@pytest.fixture
def by_hand(tiny: LoadedModel) -> tuple[LoadedModel, LoadedModel]:
    letters = Letters()
    before, after = (
        replace(tiny, model=Bigrams(chances), tokenizer=letters, remembers=False) for chances in (BEFORE, AFTER)
    )
    return before, after


@pytest.fixture(scope="module")
def coarse(tiny: LoadedModel) -> LoadedModel:
    return quantize_model(tiny, Recipe.uniform(Scheme.integer(2, PerGroup(16))))


@pytest.fixture(scope="module")
def lab() -> Lab:
    return Lab()


def token(piece: str, change: float = 0.0, id: int = 5, other: int | None = None) -> TokenDrift:
    """A token that lost or gained `change` nats from one in two, and was the first choice unless `other` was."""
    tops = [(Candidate(i, piece, 0.5),) for i in (id, id if other is None else other)]
    return TokenDrift(id, piece, math.log(0.5), math.log(0.5) + change, 1, 2, 0.25, *tops)


def drifted(*tokens: TokenDrift) -> Drift:
    spans = tuple(Span(t.piece, i, (t,)) for i, t in enumerate(tokens))
    return Drift(spans, len(tokens))


# ---- the figures


def test_three_tokens_by_hand(by_hand: tuple[LoadedModel, LoadedModel]) -> None:
    d = drift(*by_hand, "abñ")
    a, b, n = d.tokens
    assert [t.piece for t in d.tokens] == ["a", "b", "ñ"]
    # BOS -> a: 1/2 became 1/4, and what BOS itself had went from 1/4 to 1/2.
    assert (a.p_original, a.p_quantized) == pytest.approx((0.5, 0.25))
    assert a.log_change == pytest.approx(-math.log(2))
    assert a.kl_nats == pytest.approx(0.5 * math.log(2) - 0.25 * math.log(2))
    assert (a.rank_original, a.rank_quantized) == (1, 2)
    assert [c.piece for c in a.top_original[:2]] == ["a", "·"]
    assert [c.piece for c in a.top_quantized[:2]] == ["·", "a"]
    assert [c.p for c in a.top_quantized] == pytest.approx([0.5, 0.25, 0.125, 0.125])
    # a -> b: four alike in both; ties share the best rank.
    assert (b.kl_nats, b.log_change, b.rank_original) == (0, 0, 1)
    # b -> ñ: 1/2 became 1/4, and b's own 1/4 became 1/2.
    assert n.kl_nats == pytest.approx(0.5 * math.log(2) - 0.25 * math.log(2))
    assert d.mean_kl_nats == pytest.approx(math.log(2) / 6)
    assert d.agreement == pytest.approx(1 / 3)
    assert d.parting == 2  # they differ at the first too, which has nothing before it
    assert [s.piece for s in d.most_moved(5)] == ["a", "ñ"]


def test_a_model_has_not_drifted_from_itself(tiny: LoadedModel) -> None:
    d = drift(tiny, tiny, TEXT)
    assert d.mean_kl_nats == 0
    assert d.agreement == 1
    assert d.parting is None
    assert d.most_moved(5) == []
    assert "".join(s.piece for s in d.spans) == TEXT


@pytest.mark.parametrize("budget", [1, 5 * 338, 2**22])
def test_each_position_is_that_of_a_plain_forward(
    tiny: LoadedModel, coarse: LoadedModel, original: GPT2LMHeadModel, monkeypatch: pytest.MonkeyPatch, budget: int
) -> None:
    monkeypatch.setattr(drift_module, "LOGITS_BUDGET", budget)
    ids = tiny.tokenizer.encode(TEXT, add_special_tokens=False)
    with torch.no_grad():
        p = original(torch.tensor([[tiny.bos, *ids[:-1]]])).logits[0].log_softmax(-1)
        q = coarse.model(torch.tensor([[tiny.bos, *ids[:-1]]])).logits[0].log_softmax(-1)
    d = drift(tiny, coarse, TEXT)
    assert [t.id for t in d.tokens] == ids
    kl = nn.functional.kl_div(q, p, reduction="none", log_target=True).sum(-1)
    assert [t.kl_nats for t in d.tokens] == pytest.approx(kl.tolist(), abs=1e-5)
    for i, t in enumerate(d.tokens):
        for table, log_p, rank, top in (
            (p[i], t.log_p_original, t.rank_original, t.top_original),
            (q[i], t.log_p_quantized, t.rank_quantized, t.top_quantized),
        ):
            best = table.topk(5)
            assert [c.id for c in top] == best.indices.tolist()
            assert [c.p for c in top] == pytest.approx(best.values.exp().tolist(), rel=1e-4)
            assert log_p == pytest.approx(float(table[t.id]), abs=1e-4)
            assert rank == table.argsort(descending=True).tolist().index(t.id) + 1
    agree = (p.argmax(-1) == q.argmax(-1)).tolist()
    assert d.agreement == pytest.approx(sum(agree) / len(agree))
    assert d.parting == agree.index(False, 1)


def test_a_piece_of_text_at_a_time_stays_in_its_budget(
    tiny: LoadedModel, coarse: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drift_module, "LOGITS_BUDGET", 10 * tiny.model.config.vocab_size + 1)
    lengths: list[int] = []
    handle = tiny.model.register_forward_pre_hook(lambda _, args: lengths.append(args[0].shape[1]))
    said, last = fractions(drift_steps(tiny, coarse, TEXT))
    handle.remove()
    assert isinstance(last, Drift)
    assert sum(lengths) == len(last.tokens)
    assert max(lengths) == 10
    assert said == sorted(set(said))
    assert said[-1] == 1


def test_tokens_that_share_a_character_are_one_span(tiny: LoadedModel, coarse: LoadedModel) -> None:
    text = "El 🦙 de 日本, ñandú.\n\nFin"
    d = drift(tiny, coarse, text)
    assert "".join(s.piece for s in d.spans) == text
    assert not any("\ufffd" in s.piece for s in d.spans)
    assert len(d.spans) < len(d.tokens)
    llama = next(s for s in d.spans if "🦙" in s.piece)
    assert len(llama.tokens) >= 4
    assert llama.log_change == pytest.approx(sum(t.log_p_quantized - t.log_p_original for t in llama.tokens))
    assert llama.kl_nats == pytest.approx(sum(t.kl_nats for t in llama.tokens))
    assert [s.first for s in d.spans] == [sum(len(s.tokens) for s in d.spans[:i]) for i in range(len(d.spans))]


def test_a_long_text_is_cut_at_the_context(tiny: LoadedModel, coarse: LoadedModel) -> None:
    text = "El agua hierve. " * 40
    d = drift(tiny, coarse, text)
    assert len(d.tokens) == tiny.context == 64
    assert d.total_tokens == len(tiny.tokenizer.encode(text.strip(), add_special_tokens=False)) > 64
    assert d.spans == drift(tiny, coarse, text * 2).spans


# ---- what cannot be compared


@pytest.mark.parametrize("text", ["", " \n\t "])
def test_an_empty_text_is_refused(tiny: LoadedModel, text: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        drift(tiny, tiny, text)
    assert caught.value.text.es == "No hay ningún texto que evaluar; pega unas cuantas frases."
    assert caught.value.text.en == "There is no text to score; paste a few sentences."


def test_a_text_of_one_token_is_refused(tiny: LoadedModel) -> None:
    with pytest.raises(EvaluationError) as caught:
        drift(tiny, tiny, "a")
    assert caught.value.text.es == "El texto tiene 1 token; para compararlo hacen falta al menos 2."
    assert caught.value.text.en == "The text has 1 token; at least 2 are needed to compare it."


def test_models_of_different_vocabularies_are_refused(tiny: LoadedModel, lab: Lab) -> None:
    with pytest.raises(EvaluationError) as caught:
        drift(lab.loaded(EMBEDDED), tiny, TEXT)
    assert "«embedded» (4096 tokens) y «gpt2-tiny» (338 tokens) no tienen el mismo vocabulario" in caught.value.text.es
    assert "“embedded” (4096 tokens) and “gpt2-tiny” (338 tokens) do not have the same" in caught.value.text.en


def test_numbers_that_are_not_finite_are_refused(by_hand: tuple[LoadedModel, LoadedModel]) -> None:
    spoiled = [row[:] for row in AFTER]
    spoiled[1] = [math.nan] * 4
    with pytest.raises(EvaluationError) as caught:
        drift(by_hand[0], replace(by_hand[1], model=Bigrams(spoiled)), "abñ")
    assert "En el token 2 del texto" in caught.value.text.es
    assert "At token 2 of the text" in caught.value.text.en


# ---- words and markup


def test_tints_begin_where_the_legend_says() -> None:
    changes = [1.2, 1.3, 1.9, 2.1, 3.9, 4.1, 1e6]
    assert [level(math.log(x)) for x in changes] == [0, 1, 1, 2, 2, 3, 3]
    assert [level(-math.log(x)) for x in changes] == [0, -1, -1, -2, -2, -3, -3]
    legend = drift_html(drifted(token("a"), token("b")), "es")
    for words in ("÷ 4 o más", "÷ 2 a 4", "÷ 1,25 a 2", "casi igual", "× 1,25 a 2", "× 2 a 4", "× 4 o más"):
        assert words in legend


def test_numbers_read_as_each_language_writes_them() -> None:
    assert (percent(0.1234, "es"), percent(0.1234, "en")) == ("12,3\u202f%", "12.3%")
    assert percent(0.99991, "es") == ">\u202f99,9\u202f%"
    assert percent(1.0, "en") == "100%"
    assert (times(-math.log(2.5), "es"), times(math.log(25), "en")) == ("÷\u202f2,5", "×\u202f25")
    assert times(-5000, "en").startswith("÷")
    assert visible(" a\nb") == "·a↵b"


def test_a_text_with_markup_is_shown_as_text(tiny: LoadedModel, coarse: LoadedModel) -> None:
    shown = drift_html(drift(tiny, coarse, '<img src=x onerror="alert(1)"> & <b>{{x}}</b>'), "es")
    assert "<img" not in shown
    evil = drift_html(drifted(token("<img/src>", -3), token("<u>", 0, 7, 8)), "en")
    assert "<img" not in evil
    assert "<u>" not in evil
    assert evil.count("&lt;img/src&gt;") == 5  # text, card, two lists and the most moved


@pytest.mark.parametrize("language", ["es", "en"])
def test_a_card_has_both_models_figures(tiny: LoadedModel, coarse: LoadedModel, language: Any) -> None:
    d = drift(tiny, coarse, TEXT)
    shown = drift_html(d, language)
    cards = re.findall(r"<span class=lab-drift-card .*?</span></span>", shown)
    assert len(cards) == len(d.spans) == shown.count("aria-describedby=lab-drift-")
    for card in cards:
        assert card.count("<em>") == 10
        assert shared_texts.ORIGINAL[language] in card
        assert shared_texts.QUANTIZED[language] in card
    assert percent(d.tokens[3].p_quantized, language) in cards[3]
    assert shown.count("tabindex=0") == 1
    assert shown.count("<sup>≠</sup>") == 1
    assert "<script" not in shown


def test_tokens_that_share_a_character_say_so(tiny: LoadedModel, coarse: LoadedModel) -> None:
    shown = drift_html(drift(tiny, coarse, "El 🦙 y ya"), "es")
    assert "tokens comparten estos caracteres" in shown
    assert "parte de un carácter (n.º" in shown
    assert shown.split('class="lab-drift-text"')[1].split("lab-drift-most")[0].count("🦙") == 2  # text and card


def test_a_line_end_stays_and_is_seen() -> None:
    shown = drift_html(drifted(token("a"), token("\n", -1), token(" "), token(" b")), "es")
    assert "<i>↵</i>\n<span class=lab-drift-card" in shown
    assert "<b>·b</b>" in shown


def test_the_words_above_say_how_often_and_where_they_part() -> None:
    apart = drifted(token("Hoy"), token(" llueve", -2, 7, 8), token("."))
    assert "En 2 de los 3 tokens" in drift_html(apart, "es")
    assert "en el token 2, «llueve», el original habría puesto «llueve»" in drift_html(apart, "es")
    assert "at token 2, “llueve”" in drift_html(apart, "en")
    assert "Ningún token ha cambiado" in drift_html(drifted(token("a"), token("b")), "es")
    assert "not with the same confidence" not in drift_html(drifted(token("a"), token("b")), "en")
    assert "if not with the same confidence" in drift_html(drifted(token("a"), token("b", 0.1)), "en")


def test_the_most_moved_are_listed_in_words() -> None:
    tokens = [token(f" t{i}", change) for i, change in enumerate((0.1, -3.0, 0.0, 0.5, -0.2, 0.05, 0.3))]
    listed = drift_html(drifted(*tokens), "es").split("lab-drift-most")[1]
    assert re.findall(r"<b data-m=\S+>(\w+)</b>", listed) == ["t1", "t3", "t6", "t4", "t0"]
    assert "baja del 50\u202f% al 2,49\u202f% (÷\u202f20), del puesto 1 al 2" in listed
    assert "sube del 50\u202f% al 82,4\u202f%" in listed


def test_a_cut_text_says_so() -> None:
    d = replace(drifted(token("a"), token("b")), total_tokens=812)
    assert "Tu texto tiene 812 tokens; aquí están los 2 primeros" in drift_html(d, "es")
    assert "Your text has 812 tokens; here are the first 2" in drift_html(d, "en")


# ---- the section, without a server


def test_reading_shows_progress_and_then_the_text(lab: Lab) -> None:
    frames = list(read(lab, "es", Choice(EMBEDDED, bits=3), default_text()))
    assert any("Cuantizando" in frame for frame in frames)
    assert any(drift_texts.DRIFT_READING.es in frame for frame in frames)
    assert "lab-progress" not in frames[-1]
    assert "3 bits" in frames[-1]
    assert "Primer desacuerdo" in frames[-1]


def test_a_whole_context_is_small_enough_to_send(lab: Lab) -> None:
    *_, last = read(lab, "es", Choice(EMBEDDED), f"{default_text()} " * 8)
    assert last.count("lab-drift-card") > 450
    assert len(last.encode()) < 450_000


@pytest.mark.parametrize(
    ("language", "text", "message"),
    [("es", "  ", "No hay ningún texto"), ("en", "", "There is no text"), ("es", "a", "hacen falta al menos 2")],
)
def test_a_bad_text_gets_its_message_alone(lab: Lab, language: Any, text: str, message: str) -> None:
    (only,) = read(lab, language, Choice(EMBEDDED), text)
    assert message in only
    assert "lab-notice error" in only


def test_a_bad_choice_gets_its_message(lab: Lab) -> None:
    *_, last = read(lab, "en", Choice(EMBEDDED, bits=9), TEXT)
    assert "from 2 to 8" in last
