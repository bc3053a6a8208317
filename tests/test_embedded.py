"""The embedded model as it ships: small, whole, ours alone, and it shows what it should show."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from transformers import GPT2LMHeadModel

from quant.evaluation.quality import evaluate
from quant.generation import Sampling, generate
from quant.loading import load_model
from quant.model.layers import Kind, census
from quant.model.load import EMBEDDED_FOLDER, LoadedModel
from quant.quantization import quantize_model
from quant.recipe import Recipe
from quant.scheme import PerChannel, PerTensor, Scheme
from quant.texts import FOLDER, TITLES, EvalText, shipped_text
from quant.train.holdout import ngrams, read_documents

LARGEST_BYTES = 10_485_760
OUR_TEXTS = ["calibration", "training_sample"]
SPANISH = "«¿Qué? —dijo el niño—. ¡Mañana, a las 8:30, iré a Cádiz!» El pingüino…\n\tFin del párrafo número 2.\n"


@pytest.fixture(scope="module")
def embedded() -> LoadedModel:
    return load_model()


@pytest.fixture(scope="module", params=TITLES)
def head(request: pytest.FixtureRequest) -> EvalText:
    """The first 20 kB of an evaluation text, cut inside a document if need be."""
    text = shipped_text(request.param).head(20_000)
    before = sum(len(d.encode()) for d in text.documents[:-1])
    last = text.documents[-1].encode()[: 20_000 - before].decode(errors="ignore")
    return replace(text, documents=(*text.documents[:-1], last))


@pytest.fixture(scope="module")
def baseline(embedded: LoadedModel, head: EvalText) -> float:
    return evaluate(embedded, head).perplexity


def documents(name: str) -> list[str]:
    return read_documents(FOLDER / f"{name}.txt")


def shared_runs(name: str) -> set[str]:
    """The 13-grams that a text of ours shares with either evaluation text."""
    evaluated = set().union(*(ngrams(d) for title in TITLES for d in documents(title)))
    return evaluated & set().union(*(ngrams(d) for d in documents(name)))


# --- the file ---------------------------------------------------------------------------------------------------------


def test_the_folder_loads_with_transformers_alone(embedded: LoadedModel) -> None:
    alone = GPT2LMHeadModel.from_pretrained(EMBEDDED_FOLDER, dtype=torch.float32).eval()
    ids = torch.tensor([embedded.tokenizer.encode("La ciudad de Madrid es la capital")])
    with torch.no_grad():
        torch.testing.assert_close(embedded.model(ids).logits, alone(ids).logits, rtol=1e-4, atol=1e-4)


def test_the_weights_are_float16_and_fit_in_ten_mebibytes() -> None:
    file = EMBEDDED_FOLDER / "model.safetensors"
    assert file.stat().st_size <= LARGEST_BYTES
    with safe_open(file, "pt") as weights:
        assert {weights.get_slice(name).get_dtype() for name in weights.keys()} == {"F16"}  # noqa: SIM118
    assert not list(EMBEDDED_FOLDER.glob("*.bin"))


def test_the_table_is_tied_and_stored_once(embedded: LoadedModel) -> None:
    assert embedded.model.lm_head.weight is embedded.model.transformer.wte.weight
    assert embedded.model.config.tie_word_embeddings
    with safe_open(EMBEDDED_FOLDER / "model.safetensors", "pt") as weights:
        assert sum(name.endswith(("wte.weight", "lm_head.weight")) for name in weights.keys()) == 1  # noqa: SIM118


def test_blocks_of_256_fit_every_matrix(embedded: LoadedModel) -> None:
    assert embedded.model.config.n_embd % 256 == 0
    for layer in census(embedded):
        if layer.kind is not Kind.OTHER:
            assert layer.matrix[1] % 256 == 0


def test_the_context_is_256_or_more(embedded: LoadedModel) -> None:
    assert embedded.context >= 256


def test_all_weights_are_finite(embedded: LoadedModel) -> None:
    assert all(bool(torch.isfinite(p).all()) for p in embedded.model.parameters())


def test_no_other_code_or_path_of_the_machine_that_made_it_is_inside() -> None:
    for file in EMBEDDED_FOLDER.glob("*.json"):
        content = file.read_text(encoding="utf8")
        assert "auto_map" not in content
        assert "/work/" not in content
        assert "/var/tmp" not in content
    assert {f.suffix for f in EMBEDDED_FOLDER.iterdir()} <= {".json", ".safetensors"}


# --- the tokenizer ----------------------------------------------------------------------------------------------------


def test_the_tokenizer_and_the_table_agree(embedded: LoadedModel) -> None:
    rows = embedded.model.get_input_embeddings().weight.shape[0]
    assert len(embedded.tokenizer) <= rows
    assert embedded.tokenizer.eos_token_id == embedded.bos < rows
    vocabulary = json.loads((EMBEDDED_FOLDER / "tokenizer.json").read_text(encoding="utf8"))["model"]["vocab"]
    assert max(vocabulary.values()) < rows


@pytest.mark.parametrize("text", [SPANISH, "ÁÉÍÓÚÜÑ áéíóúüñ ¿¡ºª€", "日本語 🙂 Ελλάδα", "a  b   c", " "])
def test_text_comes_back_from_its_tokens(embedded: LoadedModel, text: str) -> None:
    ids = embedded.tokenizer.encode(text, add_special_tokens=False)
    assert embedded.tokenizer.decode(ids, clean_up_tokenization_spaces=False) == text


def test_whole_evaluation_texts_come_back_from_their_tokens(embedded: LoadedModel, head: EvalText) -> None:
    for document in head.documents:
        ids = embedded.tokenizer.encode(document, add_special_tokens=False, verbose=False)
        assert embedded.tokenizer.decode(ids, clean_up_tokenization_spaces=False) == document


def test_it_was_learnt_on_spanish(embedded: LoadedModel, head: EvalText) -> None:
    document = head.documents[0]
    ids = embedded.tokenizer.encode(document, add_special_tokens=False, verbose=False)
    assert len(document.encode()) / len(ids) > 3  # bytes a token


# --- what it shows ----------------------------------------------------------------------------------------------------


def test_it_knows_spanish(baseline: float, embedded: LoadedModel) -> None:
    assert 5 < baseline < len(embedded.tokenizer) / 20  # guessing evenly gives the size of the vocabulary


def test_eight_bits_per_channel_cost_less_than_half_a_percent(
    embedded: LoadedModel, head: EvalText, baseline: float
) -> None:
    scored = evaluate(quantize_model(embedded, Recipe.uniform(Scheme.integer(8, PerChannel()))), head)
    assert abs(scored.perplexity / baseline - 1) < 0.005


def test_two_bits_per_tensor_ruin_it(embedded: LoadedModel, head: EvalText, baseline: float) -> None:
    scored = evaluate(quantize_model(embedded, Recipe.uniform(Scheme.integer(2, PerTensor()))), head)
    assert scored.perplexity > 10 * baseline


def test_it_writes_after_the_default_prompt(embedded: LoadedModel) -> None:
    written = generate(embedded, "Me gusta mucho el futbol", Sampling(max_length=40))
    assert written.text.startswith("Me gusta mucho el futbol")
    assert written.new_tokens > 10


# --- what it may have seen --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", OUR_TEXTS)
def test_our_texts_share_no_run_of_13_words_with_an_evaluation_text(name: str) -> None:
    assert shared_runs(name) == set()


def test_a_shared_run_would_be_found() -> None:
    document = documents("enciclopedia")[0]
    assert ngrams(document) & ngrams("Antes. " + document.upper()[:2000] + " después")


def test_calibration_and_training_sample_are_different_documents() -> None:
    calibration, sample = documents("calibration"), documents("training_sample")
    assert not set(calibration) & set(sample)
    assert len(set(calibration)) == len(calibration)
    assert len(set(sample)) == len(sample)


@pytest.mark.parametrize("name", OUR_TEXTS)
def test_our_texts_are_about_300_kb_of_whole_documents(name: str) -> None:
    assert 270_000 < (FOLDER / f"{name}.txt").stat().st_size < 330_000
    assert len(documents(name)) > 50


def test_everything_that_ships_is_where_the_package_looks() -> None:
    assert {f.stem for f in FOLDER.glob("*.txt")} == {*TITLES, *OUR_TEXTS}
    assert Path(FOLDER).parent == EMBEDDED_FOLDER.parent
    assert (FOLDER.parent / "PROVENANCE.md").is_file()
