"""From what a visitor chooses to the recipe that is trained: bits, where it starts, what it learns and from what.

Bits name the scheme: integers of 2, 3 and 4 bits in groups of 64 with a zero point; `2m` the four values of a mid-rise
grid, which has no zero (ParetoQ, Liu et al. 2025, arXiv:2502.02631); 1.58 bits the ternary blocks of 256 that llama.cpp
stores in 1.69 bits a weight; 1 bit a sign and a scale for each 64 weights. The last three are fitted by the scale of
least squared error, since a grid that reaches as far as the largest weight is far too wide for so few values.
"""

from __future__ import annotations

from dataclasses import dataclass

from quant.activations import Activations
from quant.blocks import BLOCKS
from quant.errors import TrainingError, asked, shown
from quant.formats import FORMATS
from quant.methods import METHODS
from quant.recipe import Recipe
from quant.scheme import Grid, PerGroup, Scheme
from quant.text import Text
from quant.training import DISTILLATION, WEIGHTS, Training

GROUP = PerGroup(64)
SCHEMES: dict[str, Scheme] = {
    "1": Scheme(FORMATS["binary"], GROUP, Grid.SEARCH),
    "1.58": BLOCKS["TQ1_0"].scheme,
    "2m": Scheme(FORMATS["midrise2"], GROUP, Grid.SEARCH),
    **{str(bits): Scheme.integer(bits, GROUP, zero_point=True) for bits in (2, 3, 4)},
}
ROUNDING, GPTQ, SEARCH = "rtn", "gptq", "search"
STARTS = (SEARCH, ROUNDING, GPTQ)  # of integers; the others start from the best scale
LEAST_S, MOST_S, USUAL_S = 15, 180, 60


@dataclass(frozen=True)
class Plan:
    """What is to be trained. bits: a key of SCHEMES; start: one of STARTS, which all but integers leave aside.

    rate: 0 for the usual one of what is learned. own: the text, where `text` is `own`. Raises TrainingError.
    """

    bits: str = "2"
    start: str = SEARCH
    learn: str = WEIGHTS
    loss: str = DISTILLATION
    text: str = Training.text
    own: str = ""
    rate: float = 0.0
    seed: int = 0
    table: bool = False
    activations: bool = False

    def __post_init__(self) -> None:
        for what, got, allowed in (
            (Text("los bits", "the bits"), self.bits, tuple(SCHEMES)),
            (Text("el comienzo", "the start"), self.start, STARTS),
        ):
            if got not in allowed:
                raise TrainingError(
                    Text("En un entrenamiento, {what} = «{got}»; se permite: {allowed}.",
                         "In a training, {what} = “{got}”; allowed: {allowed}.")
                    .format(what=what, got=shown(got), allowed=", ".join(allowed))
                )  # fmt: skip

    @property
    def scheme(self) -> Scheme:
        return SCHEMES[self.bits]

    @property
    def method(self) -> str:
        """Where it starts, by the name of the method."""
        return self.start if METHODS[self.start].fits(self.scheme) and self.scheme.element.is_integer else SEARCH


def check_seconds(seconds: float) -> float:
    """Raise TrainingError for a time that the page does not give."""
    if not LEAST_S <= seconds <= MOST_S:
        raise TrainingError(
            Text("Has pedido {got} segundos de entrenamiento; tienen que ser de {low} a {high}.",
                 "{got} seconds of training were asked for; it must be from {low} to {high}.")
            .format(got=asked(seconds), low=LEAST_S, high=MOST_S)
        )  # fmt: skip
    return seconds


def planned(model: str, plan: Plan) -> Recipe:
    """The recipe that a plan means, with a training of one step: how many there will be, time decides.

    Raises QuantError for what does not go together.

    >>> planned("embedded", Plan("1.58", table=True)).rules[0].method
    'search'
    """
    own = plan.own if plan.text == "own" else ""
    training = Training(1, plan.learn, plan.loss, plan.text, own, plan.rate, plan.seed)
    return Recipe.uniform(
        plan.scheme, table=plan.table, method=plan.method, model=model, training=training,
        activations=Activations.INT8 if plan.activations else Activations.FLOAT,
    )  # fmt: skip
