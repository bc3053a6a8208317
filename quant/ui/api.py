"""The same lab for programs: named endpoints with typed parameters, usable from `gradio_client`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import gradio as gr

from quant.errors import QuantError
from quant.evaluate.compare import compare
from quant.evaluate.figures import figures
from quant.evaluate.weights import weight_view
from quant.generate import Sampling, first_difference, generate, side_by_side
from quant.lab import Lab
from quant.model.load import LoadedModel
from quant.size import size_report
from quant.speculate import DRAFTED, acceptance, agreement, speculate
from quant.ui.shared.layer_names import default_layer, find_layer, matrices
from quant.ui.sidebar.choice import Choice
from quant.ui.tabs.metrics.history import plain_figures
from quant.ui.tabs.metrics.measure import chosen_text

Found = TypeVar("Found")


@dataclass(frozen=True)
class Api:
    """The endpoints, over the same lab as the page."""

    lab: Lab

    def layers(self, model: str = "embedded") -> list[dict[str, Any]]:
        """The matrices of a model: name, shape [out, in], kind."""
        loaded = _or_raise(lambda: self.lab.loaded(model))
        return [{"name": m.name, "shape": list(m.shape), "kind": m.kind.value} for m in matrices(loaded)]

    def weights(self, layer: str = "", bits: int = 4, granularity: str = "group", group_size: int = 64,
                zero_point: bool = False, model: str = "embedded", format: str = "int") -> dict[str, Any]:  # fmt: skip
        """Quantize one matrix (by name, the first MLP one when empty) and describe it before and after.

        granularity: "tensor", "channel" or "group"; format: "int", or one of the page's (then bits and what else it
        fixes are left aside). Gives bin edges and counts, code occupancy, signal-to-error in dB, exact bytes.
        """
        choice = Choice(model, bits, granularity, group_size, zero_point, format=format)

        def work() -> dict[str, Any]:
            loaded = self.lab.loaded(model)
            found = find_layer(loaded, layer or default_layer(loaded))
            view = asdict(weight_view(loaded.weight(found.name), self.lab.stored(choice.recipe(), found)))
            plain = {k: v.tolist() if hasattr(v, "tolist") else v for k, v in view.items()}
            return {"layer": found.name, **plain}

        return _or_raise(work)

    def generate(self, prompt: str, bits: int = 4, granularity: str = "group", group_size: int = 64,
                 zero_point: bool = False, table: bool = False, model: str = "embedded", max_length: int = 150,
                 no_repeat_ngram_size: int = 2, do_sample: bool = False, top_k: int = 50, top_p: float = 0.95,
                 temperature: float = 0.7, seed: int = 0, format: str = "int",
                 activations: str = "float") -> dict[str, Any]:  # fmt: skip
        """Continue `prompt` with the original and the quantized model; activations: "float", or "int8" with integers.

        Gives both texts, tokens/s of each and the index of the first differing token (null when there is none).
        """

        def work() -> dict[str, Any]:
            sampling = Sampling(max_length, no_repeat_ngram_size, do_sample, top_k, top_p, temperature, seed)
            choice = Choice(model, bits, granularity, group_size, zero_point, table, format, activations)
            quantized = _quantized(self.lab, choice)
            *_, (a, b) = side_by_side(self.lab.loaded(model), quantized, prompt, sampling)
            return {"original": a.text, "quantized": b.text, "prompt_tokens": a.prompt_tokens,
                    "first_difference": first_difference(a.ids, b.ids),
                    "tokens_per_s": [a.tokens_per_s, b.tokens_per_s]}  # fmt: skip

        return _in_turn(self.lab, work)

    def speculate(self, prompt: str, drafted: int = DRAFTED, bits: int = 4, granularity: str = "group",
                  group_size: int = 64, zero_point: bool = False, table: bool = False, model: str = "embedded",
                  max_length: int = 150, no_repeat_ngram_size: int = 2,
                  format: str = "int", activations: str = "float") -> dict[str, Any]:  # fmt: skip
        """Continue `prompt` greedily: the quantized model drafts `drafted` tokens a round, the original corrects them.

        Gives the text, whether it is the original's own (near ties aside, which are counted), the share of drafted
        tokens that were accepted and of judged ones, and tokens/s of the original alone and of both together.
        """

        def work() -> dict[str, Any]:
            sampling = Sampling(max_length, no_repeat_ngram_size)
            choice = Choice(model, bits, granularity, group_size, zero_point, table, format, activations)
            original, quantized = self.lab.loaded(model), _quantized(self.lab, choice)
            next(speculate(original, quantized, prompt, sampling, drafted))  # the first use of anything is slow
            alone = generate(original, prompt, sampling)
            rounds = list(speculate(original, quantized, prompt, sampling, drafted))
            ids, n = rounds[-1].ids, sum(len(r.drafted) for r in rounds)
            return {"text": original.tokenizer.decode(ids, skip_special_tokens=True),
                    "prompt_tokens": alone.prompt_tokens, "same_text": ids == alone.ids, "near_ties": rounds[-1].tied,
                    "drafted": n, "accepted": sum(r.accepted for r in rounds), "rounds": len(rounds),
                    "acceptance": acceptance(rounds) if n else None, "agreement": agreement(rounds) if n else None,
                    "tokens_per_s": [alone.tokens_per_s, rounds[-1].tokens_per_s]}  # fmt: skip

        return _in_turn(self.lab, work)

    def evaluate(self, text: str = "enciclopedia", amount: str = "quick", own: str = "", bits: int = 4,
                 granularity: str = "group", group_size: int = 64, zero_point: bool = False, table: bool = False,
                 model: str = "embedded", format: str = "int",
                 activations: str = "float") -> dict[str, Any]:  # fmt: skip
        """Perplexity, bits-per-byte, KL and agreement of original and quantized, with 95 % intervals and exact sizes.

        text: "enciclopedia", "literatura" or "own" (then `own` is scored); amount: "quick" or "whole".
        """

        def work() -> dict[str, Any]:
            scored = chosen_text(text, amount, own)
            choice = Choice(model, bits, granularity, group_size, zero_point, table, format, activations)
            report = size_report(self.lab.loaded(model), choice.recipe())
            scores = figures(compare(self.lab.reference(model, scored), _quantized(self.lab, choice)))
            return {**plain_figures(scores), "bytes": [report.float_bytes, report.stored_bytes],
                    "protocol": asdict(scores.protocol)}  # fmt: skip

        return _in_turn(self.lab, work)


def build_api(lab: Lab) -> None:
    """Register the public endpoints in the current Blocks."""
    api = Api(lab)
    light: dict[str, Any] = {"concurrency_id": "light", "concurrency_limit": 2}
    heavy: dict[str, Any] = {"concurrency_id": "api", "concurrency_limit": 4}
    gr.api(api.layers, api_name="layers", **light)
    gr.api(api.weights, api_name="weights", **light)
    gr.api(api.generate, api_name="generate", **heavy)
    gr.api(api.speculate, api_name="speculate", **heavy)
    gr.api(api.evaluate, api_name="evaluate", **heavy)


def _quantized(lab: Lab, choice: Choice) -> LoadedModel:
    *_, model = lab.quantized(choice.recipe())
    assert isinstance(model, LoadedModel)
    return model


def _in_turn(lab: Lab, work: Callable[[], Found]) -> Found:
    with lab.heavy.turn() as turn:
        for _ in turn.wait():
            pass
        return _or_raise(work)


def _or_raise(work: Callable[[], Found]) -> Found:
    """Give a client the message of a QuantError in English, as the error it knows how to show."""
    try:
        return work()
    except QuantError as error:
        raise gr.Error(str(error), print_exception=False) from error
