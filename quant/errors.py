"""What can be wrong with a request. Every message says what came and what is allowed, in both languages."""

from __future__ import annotations

from quant.text import Text, as_typed

SHOWN = 80  # characters of what came that a message repeats


class QuantError(Exception):
    """The root of all errors of this package; `text` has both languages, `str()` is the English half.

    >>> from quant import PerGroup, QuantError
    >>> try:
    ...     PerGroup(3)
    ... except QuantError as error:
    ...     print(error.text.es)
    Has pedido grupos de 3; tiene que ser un entero de 8 a 256.
    """

    def __init__(self, text: Text) -> None:
        super().__init__(text.en)
        self.text = text


class SchemeError(QuantError):
    """A storage scheme that does not exist or does not fit the matrix."""


class WeightError(QuantError):
    """Weights that cannot be quantized (NaN, wrong shape)."""


class ModelError(QuantError):
    """A model that cannot be found or read."""


class CalibrationError(QuantError):
    """A calibration text that is missing or cannot be used."""


class TrainingError(QuantError):
    """A training that cannot be, or that diverged."""


class PromptError(QuantError):
    """A prompt or a generation setting that cannot be used."""


class EvaluationError(QuantError):
    """A text or a window that cannot be scored."""


class BudgetError(QuantError):
    """A budget, or a loss that is allowed, that nothing fits."""


class CrowdedError(QuantError):
    """More visitors than there is room for; worth another try later."""


def shown(text: str) -> str:
    """The beginning of what came, for a message."""
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"


def asked(value: object) -> Text:
    """What came, for a message: a decimal number as each language writes it, anything else as `shown`."""
    if isinstance(value, float):
        return as_typed(value)
    cut = shown(str(value))
    return Text(cut, cut)
