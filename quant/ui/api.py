"""The same lab for programs: named endpoints with typed parameters, usable from `gradio_client`.

An endpoint is a method that takes a `Recipe`. A client gives it as simple parameters, which come from the sidebar's
table of fields, or whole, as JSON, in the parameter `recipe`, which then wins. What comes is held to the types of the
signature, once, before a place in the queue is taken.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Coroutine, Generator, Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import Enum
from functools import wraps
from typing import Any, TypeVar, get_type_hints

import gradio as gr
import numpy as np
from pydantic import create_model

from quant.activations import Activations
from quant.errors import QuantError
from quant.evaluation.figures import figures
from quant.evaluation.weights import weight_view
from quant.generation import Sampling, first_difference, side_by_side, stream
from quant.json_model import JsonModel, parsed
from quant.lab import Lab
from quant.recipe import Recipe
from quant.size import size_report
from quant.speculate import DRAFTED, acceptance, agreement, speculate
from quant.ui.shared.action import MOST_HEAVY
from quant.ui.shared.layer_names import default_layer, find_layer, matrices
from quant.ui.sidebar.choice import Choice, recipe_of
from quant.ui.sidebar.fields import FIELDS
from quant.ui.sidebar.kinds import Field
from quant.ui.tabs.metrics.history import plain_figures
from quant.ui.tabs.metrics.measure import chosen_text
from quant.work import Progress, Work, part

Found = TypeVar("Found")
RECIPE = "recipe"
# Where clients that give their parameters by position expect them; fields that came later stand at the end.
FIRST = ("bits", "granularity", "group", "zero_point", "table", "model")


@dataclass(frozen=True)
class Api:
    """The endpoints, over the same lab as the page. What stands after `recipe` is named after it in the signature."""

    lab: Lab

    def layers(self, model: str = "embedded") -> list[dict[str, Any]]:
        """The matrices of a model: name, shape [out, in], kind."""
        loaded = _or_raise(lambda: self.lab.loaded(model))
        return [{"name": m.name, "shape": list(m.shape), "kind": m.kind.value} for m in matrices(loaded)]

    def weights(self, layer: str = "", *, recipe: Recipe) -> dict[str, Any]:
        """Quantize one matrix (by name, the first MLP one when empty) and describe it before and after.

        granularity: "tensor", "channel" or "group"; format: "int", or one of the page's (then bits and what else it
        fixes are left aside). Gives bin edges and counts, code occupancy, signal-to-error in dB, exact bytes; quantized
        is false where a recipe leaves the matrix in float32, and the rest is how it would be stored.
        """
        loaded = self.lab.loaded(recipe.model)
        found = find_layer(loaded, layer or default_layer(loaded))
        view = asdict(weight_view(*self.lab.pair(recipe, found)))
        quantized = recipe.rule_of(found) is not None
        return {
            "layer": found.name,
            "quantized": quantized,
            **view,
        }

    def generate(self, prompt: str, *, recipe: Recipe, max_length: int = 150, no_repeat_ngram_size: int = 2,
                 do_sample: bool = False, top_k: int = 50, top_p: float = 0.95, temperature: float = 0.7,
                 seed: int = 0) -> Work[dict[str, Any]]:  # fmt: skip
        """Continue `prompt` with the original and the quantized model; activations: "float", or "int8" with integers.

        Gives both texts, tokens/s of each and the index of the first differing token (null when there is none).
        """
        sampling = Sampling(max_length, no_repeat_ngram_size, do_sample, top_k, top_p, temperature, seed)
        quantized = yield from part(self.lab.quantized(recipe), 0, 0)
        a, b = yield from _last(side_by_side(self.lab.loaded(recipe.model), quantized, prompt, sampling))
        return {"original": a.text, "quantized": b.text, "prompt_tokens": a.prompt_tokens,
                "first_difference": first_difference(a.ids, b.ids),
                "tokens_per_s": [a.tokens_per_s, b.tokens_per_s]}  # fmt: skip

    def speculate(self, prompt: str, drafted: int = DRAFTED, *, recipe: Recipe, max_length: int = 150,
                  no_repeat_ngram_size: int = 2) -> Work[dict[str, Any]]:  # fmt: skip
        """Continue `prompt` greedily: the quantized model drafts `drafted` tokens a round, the original corrects them.

        Gives the text, whether it is the original's own (near ties aside, which are counted), the share of drafted
        tokens that were accepted and of judged ones, and tokens/s of the original alone and of both together.
        """
        sampling = Sampling(max_length, no_repeat_ngram_size)
        original, quantized = self.lab.loaded(recipe.model), (yield from part(self.lab.quantized(recipe), 0, 0))
        next(speculate(original, quantized, prompt, sampling, drafted))  # the first use of anything is slow
        alone = yield from _last(stream(original, prompt, sampling))
        rounds = []
        for one in speculate(original, quantized, prompt, sampling, drafted):
            rounds.append(one)
            yield Progress(0)
        ids, n = rounds[-1].ids, sum(len(r.drafted) for r in rounds)
        return {"text": original.tokenizer.decode(ids, skip_special_tokens=True),
                "prompt_tokens": alone.prompt_tokens, "same_text": ids == alone.ids, "near_ties": rounds[-1].tied,
                "drafted": n, "accepted": sum(r.accepted for r in rounds), "rounds": len(rounds),
                "acceptance": acceptance(rounds) if n else None, "agreement": agreement(rounds) if n else None,
                "tokens_per_s": [alone.tokens_per_s, rounds[-1].tokens_per_s]}  # fmt: skip

    def evaluate(self, text: str = "enciclopedia", amount: str = "quick", own: str = "", *,
                 recipe: Recipe) -> Work[dict[str, Any]]:  # fmt: skip
        """Perplexity, bits-per-byte, KL and agreement of original and quantized, with 95 % intervals and exact sizes.

        text: "enciclopedia", "literatura" or "own" (then `own` is scored); amount: "quick" or "whole". What somebody
        has measured already is not measured again: measured_s_ago says how long ago that was.
        """
        scored = chosen_text(text, amount, own)
        report = size_report(self.lab.loaded(recipe.model), recipe)
        known = self.lab.known(recipe, scored)
        if known:
            scores = figures(known.comparison)
        else:
            self.lab.reference(recipe.model, scored)  # a text that cannot be scored is refused before any work
            quantized = yield from part(self.lab.quantized(recipe), 0, 0)
            scores = figures((yield from part(self.lab.measured(recipe, scored, quantized), 0, 0)))
        protocol = asdict(scores.protocol)
        if recipe.activations != Activations.FLOAT:
            protocol["arithmetic"] += f" / {recipe.activations.name}"
        return {**plain_figures(scores), "bytes": [report.float_bytes, report.stored_bytes], "protocol": protocol,
                "measured_s_ago": round(known.age_s, 1) if known else 0.0}  # fmt: skip


def build_api(lab: Lab) -> None:
    """Register the public endpoints in the current Blocks."""
    api = Api(lab)
    light: dict[str, Any] = {"concurrency_id": "light", "concurrency_limit": 2}
    heavy: dict[str, Any] = {"concurrency_id": "heavy", "concurrency_limit": MOST_HEAVY}
    of_recipe = [field for field in FIELDS if field.of_recipe]
    of_matrix = [field for field in of_recipe if field.of_matrix]
    gr.api(checked(api.layers), api_name="layers", **light)
    gr.api(checked(endpoint(api.weights, of_matrix)), api_name="weights", **light)
    for work in (api.generate, api.speculate, api.evaluate):
        gr.api(checked(in_turn(lab, endpoint(work, of_recipe))), api_name=work.__name__, **heavy)


def checked(work: Callable[..., Any]) -> Callable[..., Any]:
    """`work`, which is only reached by arguments of the types that its signature names: "4" is not 4."""
    signature, name = inspect.signature(work), work.__name__
    hints = get_type_hints(work)
    asked: dict[str, Any] = {p.name: (hints[p.name], ...) for p in signature.parameters.values()}
    model = create_model(name, __base__=JsonModel, **asked)

    def given(args: Any, kwargs: Any) -> inspect.BoundArguments:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        _or_raise(lambda: parsed(model, bound.arguments, name))
        return bound

    @wraps(work)
    def call(*args: Any, **kwargs: Any) -> Any:
        bound = given(args, kwargs)
        return as_json(work(*bound.args, **bound.kwargs))

    @wraps(work)
    async def wait(*args: Any, **kwargs: Any) -> Any:
        bound = given(args, kwargs)
        return as_json(await work(*bound.args, **bound.kwargs))

    return wait if inspect.iscoroutinefunction(work) else call


def as_json(value: Any) -> Any:
    """The same in what JSON has, however it is then written: no array, no member of an enumeration, no infinity."""
    if isinstance(value, Mapping):
        return {name: as_json(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(one) for one in value]
    if isinstance(value, np.ndarray | np.generic):
        return as_json(value.tolist())
    if isinstance(value, Enum):
        return as_json(value.value)
    return None if isinstance(value, float) and not math.isfinite(value) else value


def endpoint(work: Callable[..., Found], simple: list[Field]) -> Callable[..., Found]:
    """`work` with the simple parameters of these fields, and a whole recipe as JSON, in place of its `recipe`.

    Its own parameters by position come first, then the fields of `FIRST`, then its others, then the remaining fields.
    """
    written = inspect.signature(work)
    parameters = list(written.parameters.values())
    hints = get_type_hints(work)
    named = {field.name: field for field in simple}
    early = [_parameter(named[name]) for name in FIRST if name in named]
    late = [_parameter(field) for field in simple if field.name not in FIRST]
    before = [p for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    after = [p for p in parameters if p.kind is p.KEYWORD_ONLY and p.name != RECIPE]
    whole = inspect.Parameter(RECIPE, inspect.Parameter.POSITIONAL_OR_KEYWORD, default="", annotation=str)
    asked = [p.replace(kind=p.POSITIONAL_OR_KEYWORD) for p in (*before, *early, *after, *late, whole)]
    signature = written.replace(parameters=asked)

    def call(*args: Any, **kwargs: Any) -> Found:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        given = bound.arguments
        own = {p.name: given[p.name] for p in (*before, *after)}
        return _or_raise(lambda: work(**own, recipe=_asked(given, simple)))

    own_hints = {p.name: hints[p.name] for p in (*before, *after)}
    call.__annotations__ = {p.name: p.annotation for p in asked} | own_hints
    call.__signature__ = signature  # type: ignore[attr-defined]
    call.__name__, call.__doc__ = work.__name__, work.__doc__
    return call


def _parameter(field: Field) -> inspect.Parameter:
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    return inspect.Parameter(field.parameter, kind, default=field.default, annotation=type(field.default))


def _asked(arguments: Mapping[str, Any], simple: list[Field]) -> Recipe:
    """The recipe that a client asks for. Raises QuantError."""
    choice = Choice(**{field.name: arguments[field.parameter] for field in simple})
    return recipe_of(choice, arguments[RECIPE])


def in_turn(lab: Lab, work: Callable[..., Work[Found]]) -> Callable[..., Coroutine[Any, Any, Found]]:
    """`work`, one at a time with everything heavy; it waits without a thread, and ends where it is cancelled."""

    @wraps(work)
    async def call(*args: Any, **kwargs: Any) -> Found:
        with _or_raise(lab.heavy.turn) as turn:
            async for _ in turn.wait():
                pass
            steps, found = work(*args, **kwargs), list[Found]()
            try:
                while not found:
                    await lab.heavy.run(_step, steps, found)
            finally:  # in the lane's thread, which may be in the middle of a step where this was cancelled
                await lab.heavy.run(steps.close)
            return found[0]

    return call


def _last(steps: Iterable[Found]) -> Generator[Progress[Any], None, Found]:
    """The last of some steps, as work that can be stopped after each of them."""
    found: list[Found] = []
    for step in steps:
        found = [step]
        yield Progress(0)
    return found[0]


def _step(steps: Work[Found], found: list[Found]) -> None:
    """One step of a work; its result, once it has one, goes to `found`."""
    try:
        _or_raise(lambda: next(steps))
    except StopIteration as done:
        found.append(done.value)


def _or_raise(work: Callable[[], Found]) -> Found:
    """Give a client the message of a QuantError in English, as the error it knows how to show."""
    try:
        return work()
    except QuantError as error:
        raise gr.Error(str(error), print_exception=False) from error
