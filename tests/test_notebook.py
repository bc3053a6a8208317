"""The notebook, revisited: the recipe on Conv1D, its census, size and speed, and a metric that measures nothing."""

from __future__ import annotations

import io
import itertools
import math
import warnings
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn
from transformers import GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM
from transformers.pytorch_utils import Conv1D
from working import steps

from quant.errors import EvaluationError, QuantError
from quant.evaluation import notebook
from quant.evaluation.dynamic import (
    ASKED,
    DEPRECATIONS,
    EngineError,
    as_transformers_loads,
    census,
    quantize_dynamically,
    saved,
)
from quant.evaluation.notebook import (
    MAX_LENGTH,
    SENTENCES,
    LengthLoss,
    NotebookReport,
    Pace,
    notebook_steps,
    pace,
)
from quant.evaluation.quality import evaluate
from quant.evaluation.speed import Speed
from quant.lab import Lab
from quant.model.load import LoadedModel
from quant.text import Text
from quant.texts import EvalText
from quant.ui.tabs.metrics import notebook as section_notebook
from quant.ui.tabs.metrics.notebook import result, revisiting
from quant.work import Work, finished

DOCUMENTS = (
    "El tren paró en mitad del llano, y los viajeros se asomaron a ver qué ocurría en la vía.",
    "Nadie recordaba una crecida como aquella, ni siquiera los más ancianos, que habían visto tantas.",
)
TEXT = EvalText("own", Text("Tu texto", "Your text"), DOCUMENTS)


@pytest.fixture(scope="module")
def lab() -> Lab:
    return Lab()


@pytest.fixture(scope="module")
def embedded(lab: Lab) -> LoadedModel:
    return lab.loaded("embedded")


@pytest.fixture(scope="module")
def parts(tiny: LoadedModel) -> tuple[LoadedModel, LoadedModel]:
    """(original, recipe) of the tiny model."""
    rebuilt = as_transformers_loads(tiny)
    return rebuilt, quantize_dynamically(rebuilt)


@pytest.fixture(scope="module")
def report(embedded: LoadedModel) -> NotebookReport:
    return finished(notebook_steps(embedded, TEXT))


def fingerprint(loaded: LoadedModel) -> list[tuple[str, str, int, int, float]]:
    """Every module's class and every parameter's place, version and content."""
    kinds = [(name, type(m).__name__, 0, 0, 0.0) for name, m in loaded.model.named_modules()]
    held = loaded.model.named_parameters(remove_duplicate=False)
    return kinds + [(n, "", p.data_ptr(), p._version, float(p.double().abs().sum())) for n, p in held]


@pytest.mark.parametrize("name", ["tiny", "embedded"])
@torch.no_grad()
def test_the_rebuilt_model_has_the_same_logits(name: str, request: pytest.FixtureRequest) -> None:
    loaded = request.getfixturevalue(name)
    rebuilt = as_transformers_loads(loaded)
    ids = torch.randint(loaded.model.config.vocab_size, (2, 33), generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(rebuilt.model(ids).logits, loaded.model(ids).logits, rtol=1e-5, atol=1e-4)
    assert not any(isinstance(m, Conv1D) for m in loaded.model.modules())


@torch.no_grad()
def test_the_rebuilt_model_is_what_transformers_loads(
    parts: tuple[LoadedModel, LoadedModel], original: GPT2LMHeadModel
) -> None:
    rebuilt = parts[0].model
    assert {n: type(m) for n, m in rebuilt.named_modules()} == {n: type(m) for n, m in original.named_modules()}
    assert not any(m.training for m in rebuilt.modules())
    ours, theirs = rebuilt.state_dict(), original.state_dict()
    assert ours.keys() == theirs.keys()
    for name, tensor in theirs.items():
        assert torch.equal(ours[name], tensor), name
        assert ours[name].is_contiguous()
    assert rebuilt.lm_head.weight is rebuilt.transformer.wte.weight
    ids = torch.arange(40).unsqueeze(0)
    assert torch.equal(rebuilt(ids).logits, original(ids).logits)


def test_rebuilding_draws_no_random_numbers(tiny: LoadedModel) -> None:
    before = torch.get_rng_state()
    as_transformers_loads(tiny)
    assert torch.equal(torch.get_rng_state(), before)


@torch.no_grad()
def test_the_recipe_does_what_the_line_of_the_notebook_does(
    parts: tuple[LoadedModel, LoadedModel], original: GPT2LMHeadModel
) -> None:
    with warnings.catch_warnings():
        for message, category in DEPRECATIONS:
            warnings.filterwarnings("ignore", message, category)
        theirs = torch.quantization.quantize_dynamic(original, {nn.Linear, nn.LayerNorm}, dtype=torch.qint8)
    ours = parts[1].model
    assert {n: type(m) for n, m in ours.named_modules()} == {n: type(m) for n, m in theirs.named_modules()}
    assert torch.equal(ours.lm_head.weight().int_repr(), theirs.lm_head.weight().int_repr())
    ids = torch.arange(40).unsqueeze(0)
    assert torch.equal(ours(ids).logits, theirs(ids).logits)


def test_only_the_deprecations_are_silenced(parts: tuple[LoadedModel, LoadedModel]) -> None:
    filters = list(warnings.filters)
    quantize_dynamically(parts[0])
    assert list(warnings.filters) == filters
    with pytest.warns(DeprecationWarning, match=r"torch\.ao\.quantization is deprecated"):
        torch.quantization.quantize_dynamic(nn.Sequential(), set(ASKED), dtype=torch.qint8)


def test_the_census_of_the_tiny_model(parts: tuple[LoadedModel, LoadedModel]) -> None:
    found = census(*parts)
    rows = {kind.kind: (kind.modules, kind.converted, kind.parameters, kind.asked) for kind in found.kinds}
    table = parts[0].model.transformer.wte.weight.numel()
    assert rows == {
        "Conv1D": (8, (), 2 * (64 * 192 + 192 + 64 * 64 + 64 + 2 * 64 * 256 + 256 + 64), False),
        "Embedding": (2, (), table + 64 * 64, False),
        "Linear": (1, ("lm_head",), table, True),
        "LayerNorm": (5, (), 5 * 128, True),
    }
    assert [k.parameters for k in found.kinds] == sorted((k.parameters for k in found.kinds), reverse=True)
    assert found.total == sum(kind.parameters for kind in found.kinds) - table
    assert (found.converted, found.modules, found.conv1d) == (("lm_head",), 16, 8)
    assert found.converted_parameters == table
    assert found.table_twice


def test_the_census_follows_what_was_converted(tiny: LoadedModel) -> None:
    found = census(tiny, quantize_dynamically(tiny))  # on our own nn.Linear the recipe does reach the matrices
    assert len(found.converted) == 9
    assert found.conv1d == 0
    assert saved(quantize_dynamically(tiny), found.converted).float_bytes < saved(tiny).float_bytes
    nothing = census(tiny, tiny)
    assert (nothing.converted, nothing.converted_parameters, nothing.table_twice) == ((), 0, False)


def test_another_architecture_runs_as_it_is(tiny: LoadedModel) -> None:
    config = LlamaConfig(
        vocab_size=tiny.model.config.vocab_size, hidden_size=32, intermediate_size=64, num_hidden_layers=1,
        num_attention_heads=2, max_position_embeddings=64, bos_token_id=0, eos_token_id=0, tie_word_embeddings=False,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        llama = replace(tiny, model=LlamaForCausalLM(config).eval().requires_grad_(False))
    rebuilt = as_transformers_loads(llama)
    assert [type(m) for m in rebuilt.model.modules()] == [type(m) for m in llama.model.modules()]
    found = census(rebuilt, quantize_dynamically(rebuilt))
    assert (len(found.converted), found.conv1d, found.table_twice) == (8, 0, False)
    sizes = saved(rebuilt), saved(quantize_dynamically(rebuilt), found.converted)
    assert sizes[1].file_bytes < sizes[0].file_bytes
    shown = result(NotebookReport(found, sizes), TEXT.title, "es")
    assert "no tiene capas Conv1D" in shown
    assert "ha tocado 8" in shown
    assert "baja de" in shown
    assert "float32 y la salida" not in shown


def test_the_file_grows_by_the_second_table(parts: tuple[LoadedModel, LoadedModel]) -> None:
    before, after = saved(parts[0]), saved(parts[1], census(*parts).converted)
    table = parts[0].model.transformer.wte.weight.numel()
    assert before.float_bytes == 4 * parts[0].parameters
    assert after.float_bytes == before.float_bytes
    assert before.packed_bytes == 0
    assert table <= after.packed_bytes < table + 64  # codes, and a scale and a zero point for the whole matrix
    assert after.file_bytes > before.file_bytes + table


def test_the_counted_file_is_the_saved_file(parts: tuple[LoadedModel, LoadedModel]) -> None:
    for loaded in parts:
        file = io.BytesIO()
        torch.save(loaded.model.state_dict(), file)
        assert saved(loaded).file_bytes == file.getbuffer().nbytes


def test_the_length_metric_does_not_see_a_broken_model_and_perplexity_does(report: NotebookReport) -> None:
    assert report.scores
    assert report.blind
    original, recipe, broken = (s.length for s in report.scores)
    assert original.loss == recipe.loss == broken.loss == original.without_model
    assert original.tokens_out == broken.tokens_out == (MAX_LENGTH,) * 3
    assert original.written[0].startswith(SENTENCES[0])
    assert original.written != broken.written
    assert "culo" not in "".join(broken.written).lower().replace("círculo", "")  # what 2 bits would repeat
    perplexities = [s.quality.perplexity for s in report.scores]
    assert perplexities[1] == pytest.approx(perplexities[0], rel=0.05)
    assert perplexities[2] > 50 * perplexities[0]
    assert len({s.quality.protocol for s in report.scores}) == 1


def test_the_length_metric_is_that_of_transformers_default(embedded: LoadedModel, report: NotebookReport) -> None:
    model = as_transformers_loads(embedded).model
    assert report.scores
    length = report.scores[0].length
    for sentence, n, out in zip(SENTENCES, length.tokens_in, length.tokens_out, strict=True):
        ids = torch.tensor([embedded.tokenizer.encode(sentence)])
        ended = model.generate(ids, attention_mask=torch.ones_like(ids), max_length=MAX_LENGTH, pad_token_id=0)
        assert (ids.shape[1], ended.shape[1]) == (n, out)


def test_our_measure_is_the_pages_own(embedded: LoadedModel, report: NotebookReport) -> None:
    assert report.scores
    assert report.scores[0].quality.nats == pytest.approx(evaluate(embedded, TEXT).nats, rel=1e-5)


def test_the_loss_by_hand() -> None:
    one = LengthLoss((4, 6, 6), (20, 20, 20), ("", "", ""))
    assert one.loss == pytest.approx(44 / 3)
    assert one.loss == one.without_model
    assert LengthLoss((4, 6, 6), (20, 7, 20), ("", "", "")).loss == pytest.approx(31 / 3)


def test_the_sentences_fit_whatever_the_tokenizer() -> None:
    assert all(len(s.encode()) + 1 < MAX_LENGTH for s in SENTENCES)


def test_rounds_decide_only_when_they_all_agree() -> None:
    slow, fast, mixed = Speed((9.0, 5.0, 7.0)), Speed((10.0, 6.0, 8.0)), Speed((8.0, 6.0, 8.0))
    assert pace(slow, fast) is Pace.FASTER
    assert pace(fast, slow) is Pace.SLOWER
    assert pace(slow, mixed) is pace(slow, slow) is Pace.SAME


def test_speed_is_measured_in_alternating_rounds(report: NotebookReport) -> None:
    assert report.speeds
    assert [len(s.rounds) for s in report.speeds] == [notebook.ROUNDS] * 2
    assert all(s.lowest > 0 for s in report.speeds)


def test_steps_rise_to_one_and_reports_grow(tiny: LoadedModel) -> None:
    said, last = steps(notebook_steps(tiny, TEXT))
    fractions = [step.fraction for step in said]
    reports = [*(step.so_far for step in said if step.so_far), last]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0, pytest.approx(1))
    assert [(r.speeds is not None, r.scores is not None) for r in reports] == [(False,) * 2, (True, False), (True,) * 2]
    assert max(b - a for a, b in itertools.pairwise(fractions)) < 0.25


def test_the_live_model_is_untouched_and_the_copies_are_freed(
    tiny: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[weakref.ref] = []

    def recorded(make: Callable[[LoadedModel], LoadedModel]) -> Callable[[LoadedModel], LoadedModel]:
        def wrapper(loaded: LoadedModel) -> LoadedModel:
            result = make(loaded)
            made.append(weakref.ref(result.model))
            return result

        return wrapper

    for maker in (as_transformers_loads, quantize_dynamically):
        monkeypatch.setattr(notebook, maker.__name__, recorded(maker))
    before = fingerprint(tiny)
    finished(notebook_steps(tiny, TEXT))
    assert [ref() for ref in made] == [None, None]
    halfway = notebook_steps(tiny, TEXT)
    assert any(step.so_far for step in halfway)  # asks no further than the first
    assert all(ref() is not None for ref in made[2:])
    halfway.close()
    assert [ref() for ref in made] == [None] * 4
    assert fingerprint(tiny) == before


def test_without_an_engine_there_is_a_message(
    lab: Lab, parts: tuple[LoadedModel, LoadedModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = type(torch.backends.quantized)
    monkeypatch.setattr(kind, "supported_engines", ["none"])
    with pytest.raises(EngineError, match="8-bit"):
        quantize_dynamically(parts[0])
    assert issubclass(EngineError, QuantError)
    *_, last = revisiting(lab, "es").frames("embedded")
    assert 'class="lab-notice error"' in last.said
    assert "motor de enteros de 8 bits" in last.said


def test_an_engine_is_chosen_where_none_was(
    parts: tuple[LoadedModel, LoadedModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = torch.backends.quantized.engine
    monkeypatch.setattr(type(torch.backends.quantized), "supported_engines", ["none", "qnnpack"])
    try:
        quantize_dynamically(parts[0])
        assert torch.backends.quantized.engine == "qnnpack"
    finally:
        torch.backends.quantized.engine = before


def test_a_text_that_is_too_short_is_refused(tiny: LoadedModel) -> None:
    with pytest.raises(EvaluationError):
        list(notebook_steps(tiny, EvalText("own", TEXT.title, ("Hola.",))))


def test_the_page_says_it_in_spanish(report: NotebookReport) -> None:
    shown = result(report, TEXT.title, "es")
    assert "De las 34 capas con pesos, la receta solo ha tocado lm_head: 1\u202f048\u202f576 de" in shown
    assert "crece de 20,5\u202fMB a 21,6\u202fMB (+5,1\u202f%)" in shown
    assert "da 14,67 con los tres modelos" in shown
    assert "mediana de 7" in shown
    assert "Los porcentajes suman más de cien" in shown
    assert shown.count("<table") == 3
    assert shown.count('class="lab-mark measured" role="img" aria-label="medido"') == 4 + 4 + 3
    assert shown.count('class="lab-key"') == 1  # one legend says what the sign is
    assert "con el código de transformers" in shown  # another speed than that of “Medir”
    assert ">simulado<" not in shown


def test_the_page_says_it_in_english(report: NotebookReport) -> None:
    shown = result(report, TEXT.title, "en")
    assert "the recipe touched only lm_head: 1,048,576 of" in shown
    assert "grows from 20.5\u202fMB to 21.6\u202fMB (+5.1%)" in shown
    assert "is 14.67 for all three models" in shown
    assert not any(c in shown for c in "«»¿¡") or "“" in shown  # what the models wrote is Spanish


def test_partial_reports_can_be_shown(report: NotebookReport) -> None:
    first = result(replace(report, speeds=None, scores=None), TEXT.title, "es")
    assert "Qué mide" not in first
    assert "tokens/s" not in first
    second = result(replace(report, scores=None), TEXT.title, "es")
    assert "tokens/s" in second
    assert "Qué mide" not in second


def test_speed_is_put_in_words(report: NotebookReport) -> None:
    slow, fast = Speed((10.0, 11.0, 12.0)), Speed((20.0, 22.0, 24.0))
    assert "gana en las 3 rondas (+100\u202f% de mediana)" in result(
        replace(report, speeds=(slow, fast)), TEXT.title, "es"
    )
    assert "loses all 3 rounds (−50% in the median)" in result(replace(report, speeds=(fast, slow)), TEXT.title, "en")
    mixed = Speed((9.0, 12.0, 11.0))
    assert "de 3 rondas, la receta gana 1" in result(replace(report, speeds=(slow, mixed)), TEXT.title, "es")


def changed(report: NotebookReport, at: int, **fields: object) -> NotebookReport:
    """The report with one of its three scores altered."""
    scores = list(report.scores or ())
    scores[at] = replace(scores[at], **fields)
    return replace(report, scores=tuple(scores))


def test_a_model_that_ends_early_is_not_called_the_same(report: NotebookReport) -> None:
    early = changed(report, 2, length=LengthLoss((4, 6, 6), (7, 9, 9), ("Hola",) * 3))
    shown = result(early, TEXT.title, "es")
    assert "con los tres modelos" not in shown
    assert "ha terminado antes de los 20 tokens" in shown


def test_perplexity_is_not_said_to_see_what_it_does_not(report: NotebookReport) -> None:
    assert report.scores
    quality = report.scores[0].quality
    assert "Perplexity, though" not in result(changed(report, 2, quality=quality), TEXT.title, "en")
    lost = result(changed(report, 2, quality=replace(quality, nats=math.inf)), TEXT.title, "en")
    assert "for the original to ∞" in lost


def test_what_models_write_is_escaped(report: NotebookReport) -> None:
    evil = LengthLoss((4, 6, 6), (20,) * 3, ("<script>{alert}</script>",) * 3)
    for language in ("es", "en"):
        shown = result(changed(report, 0, length=evil), TEXT.title, language)
        assert "<script>" not in shown
        assert "&lt;script&gt;{alert}" in shown


def test_the_callback_shows_progress_then_everything(hub_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[LoadedModel] = []

    def recorded(loaded: LoadedModel, text: EvalText) -> Work[NotebookReport]:
        given.append(loaded)
        return notebook_steps(loaded, text)

    monkeypatch.setattr(section_notebook, "notebook_steps", recorded)
    own = Lab(extra=hub_folder)
    frames = [frame.said for frame in revisiting(own, "es").frames("gpt2-tiny")]
    assert given == [own.loaded("gpt2-tiny")]  # the original, whatever the bits
    assert "Ejecutando el cuaderno" in frames[0]
    assert any("lab-progress" in f and "<table" in f for f in frames)
    assert "lab-progress" not in frames[-1]
    assert frames[-1].count("<table") == 3
    assert "nadie/nada" in list(revisiting(own, "en").frames("nadie/nada"))[-1].said
