"""The public names, as people of the field would type them: their help, whose examples are run, and their keywords."""

from __future__ import annotations

import doctest
import inspect
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

import quant
from quant.errors import EvaluationError, PromptError
from quant.generation import Sampling
from quant.model.load import LoadedModel

FOLDER = Path(quant.__file__).parent
VALUES = {"BLOCKS", "FORMATS", "METHODS", "TRANSFORMS"}  # whose help is that of their type
CANNOT_FAIL = {"PerTensor", "PerChannel", "EvalText", "QuantError"}
MADE_BY_OTHERS = {"LoadedModel"}  # what load_model gives


def helped(name: str) -> object:
    value = getattr(quant, name)
    return type(value) if name in VALUES else value


@pytest.mark.parametrize("name", quant.__all__)
def test_help_has_an_example_that_runs(name: str) -> None:
    found = [t for t in doctest.DocTestFinder(recurse=False).find(helped(name), name, globs={}) if t.examples]
    assert found, "no example"
    runner = doctest.DocTestRunner()
    said: list[str] = []
    for test in found:
        runner.run(test, out=said.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(said)


def test_help_says_what_can_go_wrong() -> None:
    for name in quant.__all__:
        assert "Raises" in (inspect.getdoc(helped(name)) or "") or "raises" in inspect.getdoc(helped(name)) or (
            name in CANNOT_FAIL
        ), name  # fmt: skip


def test_no_public_name_is_also_a_modules() -> None:
    """`import quant.NAME` would then give something else than `quant.NAME`."""
    modules = {p.stem for p in FOLDER.glob("*.py")} | {p.name for p in FOLDER.iterdir() if p.is_dir()}
    assert not modules & set(quant.__all__)


def test_what_a_signature_needs_is_exported() -> None:
    for name in quant.__all__:
        function = getattr(quant, name)
        if not inspect.isfunction(function):
            continue
        hints = {k: v for k, v in get_type_hints(function).items() if k not in ("return", "settings")}
        for kind in {kind for hint in hints.values() for kind in (hint, *get_args(hint))}:
            if inspect.isclass(kind) and kind.__module__.startswith("quant"):
                assert kind.__name__ in {*quant.__all__, *MADE_BY_OTHERS}, (name, kind)


def test_generate_takes_the_names_of_transformers(tiny: LoadedModel) -> None:
    asked = {"max_length": 30, "do_sample": True, "seed": 1, "top_k": 20, "top_p": 0.9, "temperature": 1.3}
    want = quant.generate(tiny, "La ciudad", Sampling(**asked)).ids
    assert quant.generate(tiny, "La ciudad", **asked).ids == want
    short = quant.generate(tiny, "La ciudad", Sampling(do_sample=True, seed=1), max_new_tokens=4, stop_at_end=False)
    assert short.new_tokens == 4
    with pytest.raises(TypeError, match="num_beams"):
        quant.generate(tiny, "La ciudad", num_beams=4)
    for settings, said in [
        ({"max_new_tokens": 0}, "max_new_tokens = 0"), ({"max_new_tokens": 1.5}, "max_new_tokens = 1.5"),
        ({"max_new_tokens": 3, "max_length": 9}, "give one of them"), ({"top_p": 2}, "top_p = 2"),
    ]:  # fmt: skip
        with pytest.raises(PromptError, match=said):
            quant.generate(tiny, "La ciudad", **settings)


def test_evaluate_takes_a_text_as_it_is_typed(tiny: LoadedModel) -> None:
    text = "El tren que va a Sevilla sale dentro de un cuarto de hora."
    assert quant.evaluate(tiny, text).nats == quant.evaluate(tiny, quant.own_text(text)).nats
    with pytest.raises(EvaluationError, match="There is no text “enciclopedi”; the shipped ones are: enciclopedia"):
        quant.evaluate(tiny, "enciclopedi")
    with pytest.raises(EvaluationError):
        quant.evaluate(tiny, "")
    assert quant.measure(tiny, tiny, text).kl_mean.value == 0
