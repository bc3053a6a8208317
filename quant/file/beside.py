"""What may stand beside the codes of a matrix in a file: a part that fits no matrix is refused before it is used."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from quant.errors import ModelError
from quant.scheme import Shape
from quant.text import Text


def check_parts(layer: str, parts: Mapping[str, Tensor], matrix: Shape) -> None:
    """Raise ModelError unless each part, of its dtype and shape, holds what a matrix [out, in] can have beside it."""
    inputs = matrix[1]
    for name, part in parts.items():
        if not _fits(name, part, inputs):
            came = part.flatten()[:4].tolist()
            raise ModelError(
                Text("la parte «{part}» de «{layer}», una matriz de {inputs} entradas, no puede ser la que lleva "
                     "({came}{more}); se admite: {allowed}",
                     "part “{part}” of “{layer}”, a matrix of {inputs} inputs, cannot be what it has ({came}{more}); "
                     "allowed: {allowed}")
                .format(part=name, layer=layer, inputs=inputs, came=", ".join(f"{x:.6g}" for x in came),
                        more="…" if part.numel() > len(came) else "", allowed=ALLOWED[name])
            )  # fmt: skip


ALLOWED = {
    "hadamard": Text("una potencia de dos que divida las entradas", "a power of two that divides the inputs"),
    "outliers.columns": Text("columnas de la matriz, de menor a mayor y sin repetir",
                             "columns of the matrix, rising, each once"),
    "pre_scale": Text("números finitos y distintos de 0", "finite numbers, none of them 0"),
    "largest": Text("un número finito y no negativo", "a finite number that is not negative"),
}  # fmt: skip


def _fits(name: str, part: Tensor, inputs: int) -> bool:
    if name == "hadamard":
        size = int(part)
        return size > 0 and size & (size - 1) == 0 and inputs % size == 0
    if name == "outliers.columns":
        return bool((part >= 0).all() and (part < inputs).all() and (part.diff() > 0).all())
    if name == "pre_scale":
        return bool(part.isfinite().all() and (part != 0).all())
    if name == "largest":
        return bool(part.isfinite().all() and (part >= 0).all())  # 0: nothing came in (`Activations.scale`)
    return True
