"""The text of a training, and which of its windows make a step: they follow from (seed, step) alone."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from quant.calibrate import tokens_in, tokens_of
from quant.errors import CalibrationError, TrainingError
from quant.model.load import LoadedModel
from quant.recipe import MOST_TOKENS, Calibration
from quant.text import Text
from quant.texts import EVERYTHING, calibration_text
from quant.training import CORPUS, Training

BATCH = 1  # windows a step: more steps are worth more than steadier ones (NOTES.md)
LONGEST_WINDOW = 512


class Windows:
    """The training text, and which of its windows make a step. ids: int64 [tokens] of a text that does not ship."""

    def __init__(self, loaded: LoadedModel, training: Training, ids: Tensor | None = None) -> None:
        """Raises TrainingError for a text too short for one window and the token after it, or one that is not here."""
        self.length = min(loaded.window, LONGEST_WINDOW)
        self.seed = training.seed
        self.ids = self._read(loaded, training) if ids is None else ids
        if len(self.ids) <= self.length + 1:
            raise TrainingError(
                Text("El texto de entrenamiento tiene {got} tokens; hacen falta al menos {least}: una ventana y el "
                     "token que la sigue.",
                     "The training text has {got} tokens; at least {least} are needed: a window and the token after "
                     "it.")
                .format(got=len(self.ids), least=self.length + 2)
            )  # fmt: skip

    @staticmethod
    def _read(loaded: LoadedModel, training: Training) -> Tensor:
        if training.text == CORPUS:
            raise TrainingError(
                Text("Este modelo se entrenó con un corpus que no viene incluido: solo se puede cargar ya entrenado, "
                     "con los mismos pasos y ajustes con que se grabó.",
                     "This model was trained on a corpus that is not included: it can only be loaded as it was "
                     "recorded, with the same steps and settings.")
            )  # fmt: skip
        if training.text == EVERYTHING:
            return torch.tensor(tokens_in(loaded, calibration_text(EVERYTHING), MOST_TOKENS))
        try:
            return torch.tensor(tokens_of(loaded, Calibration(training.text, MOST_TOKENS, training.own)))
        except CalibrationError as error:
            raise TrainingError(error.text) from error

    def batch(self, step: int) -> Tensor:
        """int64 [BATCH, length + 1]: windows that begin anywhere."""
        first = np.random.default_rng([self.seed, step]).integers(len(self.ids) - self.length, size=BATCH)
        return torch.stack([self.ids[at : at + self.length + 1] for at in first.tolist()])
