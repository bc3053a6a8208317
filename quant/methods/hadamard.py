"""Rotate what comes in, and the columns of the matrix alike: outliers of few inputs are spread over many.

    y = x W^T = (x H)(W H)^T      H H = I

Where attention's heads feed a matrix the rotation is folded into the values, head by head, and costs nothing; elsewhere
it is computed as the model runs. QuaRot, Ashkboos et al. 2024, arXiv:2404.00456, which also rotates the residual
stream: that needs a norm without a mean, which GPT-2 has not, so here each matrix has a rotation of its own.
"""

from __future__ import annotations

from quant.methods.base import NoKnobs, Transform
from quant.text import Text

TRANSFORM: Transform[NoKnobs] = Transform(
    "hadamard",
    Text("Rotación de Hadamard", "Hadamard rotation"),
    Text("Gira las entradas de cada matriz para que un valor enorme se reparta entre muchos, y así las activaciones "
         "caben en menos bits. El modelo en coma flotante da lo mismo que antes.",
         "Rotates the inputs of each matrix so that one huge value is spread over many: activations then fit in fewer "
         "bits. The float model gives what it gave before."),
    "Ashkboos et al. 2024, arXiv:2404.00456",
)  # fmt: skip
