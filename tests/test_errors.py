"""One tree of errors, each in both languages."""

from __future__ import annotations

import pytest

import quant
from quant import errors
from quant.text import Text


@pytest.mark.parametrize("name", ["SchemeError", "WeightError", "ModelError", "PromptError", "EvaluationError"])
def test_every_error_is_a_quant_error_with_both_halves(name: str) -> None:
    error = getattr(errors, name)(Text("no cabe", "does not fit"))
    assert isinstance(error, quant.QuantError)
    assert (error.text.es, str(error)) == ("no cabe", "does not fit")
