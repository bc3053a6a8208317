"""GPTQ: let the columns that are left make up for what the ones already rounded have lost.

    minimize over codes    |X (W - W^)^T|^2 = sum over rows of (w - w^) H (w - w^)^T      H = X^T X / tokens + damping

Rounding takes each weight alone; what the layer gives depends on all of a row. Column after column is rounded, and the
error goes to those that follow, by how much the inputs of both go together (feedback.py). The weights end up further
from the original than rounding's, and the layer's output closer. Frantar et al. 2022, arXiv:2210.17323.

Knobs of the paper and of the authors' code: damping, a share of H's mean diagonal; columns in falling order of H's
diagonal (act-order), for which groups must have their grids before (static groups); groups whose grid is laid over the
weights that the loop finds when it comes to them; columns in a block. Act-order is on unless said: it is what Llama
kinds need, and the embedded model loses less with it (bench/NOTES.md).

An input that is always 0 says nothing: its column becomes 0, as in the authors' code. There its place in H's diagonal
counts as 1 for the mean, in whatever units H is; here it counts as 0, which on inputs of ordinary size is the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from quant.errors import CalibrationError, SchemeError
from quant.methods import grid
from quant.methods.base import Method, Statistic, Statistics, knob
from quant.methods.feedback import Grids, factored, on_grids, on_moving_grids
from quant.methods.fits import searched
from quant.qtensor import QTensor
from quant.scheme import Flat, Grid, Offset, PerGroup, Scheme
from quant.text import Text, as_typed
from quant.weight import QuantWeight


@dataclass(frozen=True)
class Gptq:
    """The knobs; act_order and updated are switches, 0 or 1."""

    damping: float = knob(
        0.01, 0.001, 0.5, 0.001, Text("Amortiguación", "Damping"),
        Text("Cuánto se suma a la diagonal de H, como parte de su media. Con más, el método se fía menos del texto de "
             "calibración y se acerca al redondeo.",
             "How much is added to H's diagonal, as a share of its mean. With more, the method trusts the calibration "
             "text less and comes closer to rounding."),
    )  # fmt: skip
    act_order: float = knob(
        1, 0, 1, 1, Text("Primero las columnas con más señal", "Columns with most signal first"),
        Text("Redondea antes las columnas cuyas entradas son mayores (act-order), cuando aún quedan muchas que "
             "compensen su error. Con el modelo incluido gana algo; en los de la familia Llama hace falta.",
             "Rounds first the columns whose inputs are largest (act-order), while many are left to make up for them. "
             "The built-in model gains a little by it; those of the Llama kind need it."),
    )  # fmt: skip
    updated: float = knob(
        0, 0, 1, 1, Text("Grupos según los pesos ya corregidos", "Groups from the corrected weights"),
        Text("Elige la escala de cada grupo al llegar a él, con los pesos corregidos hasta entonces, y no de antemano. "
             "Con grupos no se combina con act-order.",
             "Chooses the scale of each group on reaching it, from the weights as corrected by then, not beforehand. "
             "With groups it does not go together with act-order."),
    )  # fmt: skip
    block: float = knob(
        128, 8, 512, 8, Text("Columnas por bloque", "Columns in a block"),
        Text("Cada cuántas columnas se corrigen de golpe todas las que quedan. Cambia el tiempo, y con grupos según "
             "los pesos corregidos también un poco el resultado.",
             "After how many columns all that are left are corrected at once. It changes the time, and with groups "
             "from the corrected weights also, slightly, the result."),
    )  # fmt: skip


def quantize(weight: Tensor, scheme: Scheme, hessian: Tensor, knobs: Gptq = Gptq()) -> QTensor:
    """The codes of a float matrix [out, in] by GPTQ. Deterministic.

    hessian: float32 [in, in], X^T X / tokens of the layer's inputs. Raises WeightError as rounding does, SchemeError
    for a scheme whose grids no formula gives, and CalibrationError for a Hessian that cannot be used.
    """
    _check(scheme, knobs)
    weight = grid.checked(weight)
    dead = _dead(hessian, weight.shape[1])
    weight = weight.masked_fill(dead, 0.0)
    damped = damp(hessian, dead, knobs.damping)
    order = torch.arange(len(damped))
    if knobs.act_order:
        order = torch.argsort(hessian.diagonal(), descending=True, stable=True)
    root = factored(damped if not knobs.act_order else damped[order][:, order])
    if root is None:
        raise _singular(knobs.damping)
    if knobs.updated and isinstance(scheme.granularity, PerGroup):
        scheme.groups((weight.shape[0], weight.shape[1]))
        grids, codes = on_moving_grids(weight, root, scheme.granularity.size, lambda w: grid.frame(w, scheme),
                                       int(knobs.block))  # fmt: skip
        return grids.holding(codes, scheme)
    frame = grid.frame(weight, scheme)
    return frame.holding(on_grids(weight, root, Grids.cut(frame), order, int(knobs.block)))


def damp(hessian: Tensor, dead: Tensor, damping: float) -> Tensor:
    """H float64 [in, in] with `damping` times its mean diagonal added to the diagonal, and 1 for inputs always 0."""
    damped = hessian.double()
    more = damping * damped.diagonal().mean()
    damped.diagonal()[dead] = 1.0
    damped.diagonal().add_(more)
    return damped


def _dead(hessian: Tensor, inputs: int) -> Tensor:
    """Which inputs are always 0, bool [in].

    Raises CalibrationError for a Hessian of another shape, not finite, or of inputs that are all 0.
    """
    if hessian.shape != (inputs, inputs):
        raise CalibrationError(
            Text("La matriz H de las entradas es de {got} y tiene que ser de {inputs} × {inputs}: calibra con las "
                 "entradas de esta misma capa.",
                 "The matrix H of the inputs is {got} and must be {inputs} × {inputs}: calibrate on the inputs of this "
                 "very layer.")
            .format(got=" × ".join(map(str, hessian.shape)), inputs=inputs)
        )  # fmt: skip
    if bad := int((~torch.isfinite(hessian)).sum()):
        raise CalibrationError(
            Text("En la matriz H de las entradas hay {bad} valores que no son finitos (NaN o infinito): calibra con "
                 "otro texto.",
                 "The matrix H of the inputs has {bad} values that are not finite (NaN or infinity): calibrate on "
                 "another text.")
            .format(bad=bad)
        )  # fmt: skip
    dead = hessian.diagonal() == 0
    if bool(dead.all()):
        raise CalibrationError(
            Text("Las {inputs} entradas de la capa valen siempre 0 en el texto de calibración, y así no dicen nada de "
                 "sus pesos: calibra con otro texto o usa otro método para esta capa.",
                 "All {inputs} inputs of the layer are always 0 on the calibration text, and so say nothing about its "
                 "weights: calibrate on another text, or use another method for this layer.")
            .format(inputs=inputs)
        )  # fmt: skip
    return dead


def _singular(damping: float) -> CalibrationError:
    return CalibrationError(
        Text("Con la amortiguación {got}, la matriz H de las entradas no se puede factorizar: sube la amortiguación o "
             "calibra con más tokens.",
             "With damping {got}, the matrix H of the inputs cannot be factored: raise the damping or calibrate on "
             "more tokens.")
        .format(got=as_typed(damping))
    )  # fmt: skip


def _check(scheme: Scheme, knobs: Gptq) -> None:
    if scheme.grid in (Grid.SEARCH, Grid.LEARNED):
        raise searched(scheme)
    if not knobs.updated:
        return
    nested = isinstance(scheme.scale, Scheme) or (
        isinstance(scheme.shift, Offset) and isinstance(scheme.shift.store, Scheme))  # fmt: skip
    if isinstance(scheme.granularity, Flat) or scheme.grid is Grid.CENTRED or nested:
        raise SchemeError(
            Text("«updated» elige la escala de cada grupo por separado, y las de {name} dependen de toda la matriz o "
                 "cruzan sus filas: ponlo a 0.",
                 "“updated” chooses the scale of each group alone, and those of {name} depend on the entire matrix or "
                 "cross its rows: set it to 0.")
            .format(name=scheme.name or scheme.grid.name)
        )  # fmt: skip
    if knobs.act_order and isinstance(scheme.granularity, PerGroup):
        raise SchemeError(
            Text("Con «act_order» las columnas de un grupo no llegan juntas, así que su escala se elige antes: pon a "
                 "0 «updated» o «act_order».",
                 "With “act_order” the columns of a group do not come together, so that its scale is chosen before: "
                 "set “updated” or “act_order” to 0.")
        )  # fmt: skip


def _run(weight: Tensor, scheme: Scheme, statistics: Statistics, knobs: Gptq, generator: Generator | None
         ) -> QuantWeight:  # fmt: skip
    assert statistics.hessian is not None
    return QuantWeight(quantize(weight, scheme, statistics.hessian, knobs))


METHOD: Method[Gptq] = Method(
    "gptq",
    Text("GPTQ: unas columnas compensan a otras", "GPTQ: columns make up for columns"),
    Text("Redondea columna a columna, y las que quedan compensan lo que han perdido las anteriores. Gana mucho con 4 "
         "bits o menos; necesita un texto de calibración.",
         "Rounds column by column, and those that are left make up for what the earlier ones lost. It gains much at 4 "
         "bits and below; it needs a calibration text."),
    "Frantar et al. 2022, arXiv:2210.17323",
    _run,
    _check,
    needs=frozenset({Statistic.HESSIAN}),
    knobs=Gptq,
    light=False,
)  # fmt: skip
