"""Every public name, given what it does not take: a sentence (QuantError), whatever comes and wherever."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import quant
from quant import (
    BLOCKS,
    FORMATS,
    EvalText,
    PerGroup,
    PerTensor,
    QuantError,
    Recipe,
    Rule,
    Sampling,
    Scheme,
    own_text,
    quantize,
    quantize_model,
)  # fmt: skip
from quant.arguments import check, fits
from quant.cache import CachePer
from quant.errors import PromptError, WeightError
from quant.model.load import LoadedModel

FOUR = Scheme.integer(4, PerGroup(64))
CLASSES_WITHOUT_ARGUMENTS = {"PerTensor", "PerChannel", "QuantError"}
VALUES = {
    "BLOCKS",
    "FORMATS",
    "METHODS",
    "TRANSFORMS",
}  # dictionaries: a key that is not there is Python's own KeyError
LONGEST = 2000  # characters of a message in both languages


def wrong(tiny: LoadedModel) -> list[Any]:
    """What comes by mistake: each kind of value that Python, numpy and torch have, and this package's own."""
    return [
        None, True, 3, -1, 10**400, 4.5, float("nan"), float("inf"), "", "\ud800", "x\0y", "4", b"bytes", [], [3], (),
        {}, {"a": 1}, set(), 1j, object(), range(3), Exception, len, type, ..., np.zeros((2, 3)), np.int64(4),
        torch.zeros(2, 3), torch.zeros(()), Path("/nowhere/at/all"), tiny, Recipe(), FOUR, PerTensor(),
        FORMATS["int4"], Sampling(),
    ]  # fmt: skip


def names(tiny: LoadedModel, folder: Path) -> dict[str, tuple[tuple[Any, ...], dict[str, Any]]]:
    """Each public name with arguments that are right: by position, and by keyword."""
    small, model = quantize_model(tiny, Recipe.uniform(Scheme.integer(8, PerGroup(16)))), tiny
    settings = {"max_length": 9, "do_sample": False, "top_k": 5, "top_p": 0.5, "temperature": 1.0, "seed": 1,
                "no_repeat_ngram_size": 2, "stop_at_end": True}  # fmt: skip
    return {
        "Activations": ((FORMATS["int8"],), {"per": quant.Activations.INT8.per, "static": False}),
        "CacheScheme": ((FOUR, FOUR), {"keys_per": CachePer.TOKEN, "values_per": CachePer.CHANNEL}),
        "Calibration": (("calibration", 4096, ""), {}),
        "EvalText": (("a", own_text("Uno dos").title, ("uno",)), {}),
        "PerGroup": ((64,), {}),
        "Recipe": (((Rule("linear:*", FOUR),),), {"model": "embedded", "activations": quant.Activations.FLOAT,
                                                 "cache": None, "calibration": None}),
        "Recipe.uniform": ((FOUR,), {"table": False, "method": "", "knobs": None, "overrides": ()}),
        "Rule": (("linear:*", FOUR, "rtn"), {"knobs": None}),
        "Sampling": ((), settings),
        "Scheme": ((FORMATS["int4"], PerGroup(64)), {"grid": FOUR.grid, "scale": FOUR.scale, "shift": None,
                                                    "ties": None, "codes_from": FOUR.codes_from, "name": ""}),
        "Scheme.integer": ((4, PerGroup(64)), {"zero_point": False, "scale": FORMATS["float16"]}),
        "Step": (("hadamard",), {"knobs": None}),
        "Training": ((240,), {"learn": "weights", "loss": "distillation", "text": "own", "own": "Uno dos", "rate": 1e-3,
                              "seed": 0}),
        "cache_bytes": ((model, Recipe(), 40), {}),
        "cache_scheme": ((8, 4), {"per": "token", "group": 16, "zero_point": False}),
        "evaluate": ((model, "Hola a todos"), {}),
        "generate": ((model, "Hola"), settings | {"sampling": None}),
        "load_model": ((folder,), {}),
        "load_quantized": ((folder / "none",), {}),
        "measure": ((model, small, "Hola a todos"), {}),
        "own_text": (("Hola",), {}),
        "quantize": ((torch.ones(4, 64), FOUR), {}),
        "quantize_model": ((model, Recipe()), {}),
        "save_quantized": ((small, Recipe(), folder), {"replace": False}),
    }  # fmt: skip


def said(call: Callable[..., object], *args: Any, **kwargs: Any) -> str:
    """What the name says, in both languages; empty where it takes what came. Anything but QuantError is raised."""
    try:
        call(*args, **kwargs)
    except QuantError as error:
        return error.text.es + error.text.en
    return ""


def test_every_public_name_is_here(tiny: LoadedModel, tmp_path: Path) -> None:
    assert {name.partition(".")[0] for name in names(tiny, tmp_path)} == (
        set(quant.__all__) - CLASSES_WITHOUT_ARGUMENTS - VALUES
    )


def test_a_wrong_argument_is_a_sentence(tiny: LoadedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over 2,000 calls: every name, every parameter, every value."""
    monkeypatch.chdir(tmp_path)  # some of them are names of files
    calls = refused = 0
    for name, (args, kwargs) in names(tiny, tmp_path).items():
        call: Any = quant
        for part in name.split("."):
            call = getattr(call, part)
        for value in wrong(tiny):
            asked = [((*args[:i], value, *args[i + 1 :]), {}) for i in range(len(args))]
            asked += [(args, kwargs | {key: value}) for key in kwargs]
            for these, named in asked:
                calls += 1
                try:
                    sentence = said(call, *these, **({"max_length": 9} if name == "generate" else {}) | named)
                except Exception as error:
                    raise AssertionError(f"{name}({these}, {named})") from error
                refused += bool(sentence)
                assert len(sentence) < LONGEST, (name, sentence)
                assert "NoneType" not in sentence, (name, sentence)
                assert "\ud800" not in sentence, (name, ascii(sentence))  # it can be shown
    assert calls > 2000
    assert refused > 0.9 * calls


def test_what_python_itself_refuses_stays_a_type_error(tiny: LoadedModel) -> None:
    for call in (lambda: quant.generate(tiny), lambda: quantize(torch.ones(2, 2), nobody=3), lambda: Sampling(x=1)):
        with pytest.raises(TypeError):
            call()


def test_tensors_of_every_kind_are_quantized_or_refused() -> None:
    matrix = torch.randn(4, 64, generator=torch.Generator().manual_seed(0))
    want = quantize(matrix, FOUR).codes
    taken = {
        "with a gradient": matrix.clone().requires_grad_(True), "a parameter": torch.nn.Parameter(matrix),
        "not contiguous": matrix.T.contiguous().T, "float64": matrix.double(),
    }  # fmt: skip
    for name, tensor in taken.items():
        assert torch.equal(quantize(tensor, FOUR).codes, want), name
    for dtype in (torch.float16, torch.bfloat16, torch.float8_e4m3fn):
        assert torch.equal(quantize(matrix.to(dtype), FOUR).codes, quantize(matrix.to(dtype).float(), FOUR).codes)
    refused = {
        "meta": matrix.to("meta"), "complex": matrix.to(torch.complex64), "int": matrix.int(), "bool": matrix > 0,
        "sparse": matrix.to_sparse(), "0-d": matrix[0, 0], "1-d": matrix[0], "3-d": matrix[None], "empty": matrix[:0],
        "NaN": matrix * float("nan"), "too large": matrix.double() * 1e300, "an array": matrix.numpy(),
        "a list": matrix.tolist(), "a text": "matrix",
    }  # fmt: skip
    for name, tensor in refused.items():
        for scheme in (FOUR, Scheme.integer(8, PerTensor(), zero_point=True), BLOCKS["Q4_0"].scheme):
            with pytest.raises(WeightError):
                quantize(tensor, scheme)
            assert name


def test_true_is_not_one_and_text_has_no_halves() -> None:
    for value, hint, expected in (
        (1, int, True), (True, int, False), (1, float, True), (True, float, False), (1, bool, False), ("a", str, True),
        ("a\ud800", str, False), (None, int | None, True), ((1, 2), tuple[int, ...], True),
        ([1], tuple[int, ...], False), ((1, "2"), tuple[int, ...], False), (b"a", str, False),
    ):  # fmt: skip
        assert fits(value, hint) is expected, (value, hint)
    with pytest.raises(PromptError, match=r"x: got \[3\]; allowed: text or None\."):
        check("x", [3], str | None, PromptError)


def test_a_text_to_score_is_of_texts() -> None:
    with pytest.raises(QuantError, match="documents"):
        EvalText("a", own_text("Uno").title, ("uno", 2))  # type: ignore[arg-type]
