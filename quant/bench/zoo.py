"""Every architecture of causal language model that transformers has, tiny: computed right here, or refused in words.

    python -m quant.bench.zoo [KIND ...] --markdown FILE --json FILE

Each is built with random weights, saved as a folder and opened with `load_model`. Where that does not refuse it, its
loss on a text, before and after its matrices are quantized, the divergence of the two, what it writes, and what it
writes with a draft are compared with plain loops over transformers' own forward pass on weights decoded beforehand.
"""

from __future__ import annotations

import argparse
import copy
import math
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, PreTrainedModel
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES as ARCHITECTURES

from quant.activations import Activations, Per
from quant.bench.report import write
from quant.bench.tiny import CONTEXT, tiny, tokenizer
from quant.errors import CalibrationError, ModelError, QuantError, SchemeError
from quant.evaluation.compare import Reference, compare
from quant.evaluation.drift import drift
from quant.generation import Sampling, generate
from quant.loading import load_model
from quant.model.layers import Kind, census
from quant.model.load import LoadedModel
from quant.model.skeleton import REFUSALS, quiet
from quant.quantization import quantize_model
from quant.recipe import Calibration, Recipe
from quant.run import own
from quant.scheme import PerChannel, Scheme
from quant.speculate import speculate
from quant.texts import own_text

NEW_TOKENS = 6
SENTENCE = "el agua hierve a cien grados al nivel del mar y a menos en lo alto de una montaña "
PROMPT = "la ciudad de"
RIGHT, REFUSED, UNBUILT, WRONG = "right", "refused", "not built", "WRONG"


@dataclass(frozen=True)
class Outcome:
    """What became of one kind. worst: the largest relative difference of what is compared."""

    kind: str
    architecture: str
    verdict: str
    said: str = ""
    worst: float = math.nan


def visit(kind: str) -> Outcome:
    """Build, save, open and try one kind."""
    try:
        with quiet():
            model = tiny(kind)
            own.logits(model, torch.arange(5, 13)[None])
    except (ModelError, *REFUSALS) as error:
        return Outcome(kind, str(ARCHITECTURES[kind]), UNBUILT, _reason(error.__cause__ or error))
    name = type(model).__name__
    with TemporaryDirectory() as folder, quiet():
        model.save_pretrained(folder)
        tokenizer().save_pretrained(folder)
        try:
            loaded = load_model(folder)
        except ModelError as error:
            return Outcome(kind, name, REFUSED, _without_name(str(error), folder))
        loaded = replace(loaded, longest=min(loaded.context, CONTEXT))  # two windows without ends of text
        theirs = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    try:
        found = max(_differences(loaded, theirs))
        remarks = "; ".join(_remarks(loaded))
    except (QuantError, *REFUSALS) as error:
        return Outcome(kind, name, WRONG, f"{type(error).__name__}: {error}")
    return Outcome(kind, name, RIGHT if found <= 1e-4 else WRONG, remarks, found)


def _reason(error: BaseException) -> str:
    """What transformers says of a configuration, in one line: of its own validation, what it found."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if "validator" in lines[0] else lines[0])[:120].replace("|", "/")


def _without_name(said: str, folder: str) -> str:
    return said.replace(f"“{Path(folder).name}” ", "").replace(f"The model “{Path(folder).name}” ", "")


def _differences(loaded: LoadedModel, theirs: PreTrainedModel) -> Iterator[float]:
    """What this lab computes against plain loops, as relative differences, in float and quantized; 1 for other text."""
    text = own_text(SENTENCE * (2 * loaded.window // len(SENTENCE) + 2))
    recipe = Recipe.uniform(Scheme.integer(4, PerChannel()), table=True)
    small = quantize_model(loaded, recipe)
    reference = Reference(loaded, text)
    compared = compare(reference, small)
    quantized = _decoded(loaded, small, theirs)
    for model, got in ((theirs, compared.original.nats), (quantized, compared.quantized.nats)):
        want = sum(_loss(model, w.inputs, w.targets) for w in reference.windows)
        yield abs(got - want) / want
    yield abs(_kl(theirs, quantized, reference) - float(compared.tokens.kl.sum())) / compared.original.nats
    drifted = drift(loaded, small, SENTENCE)
    yield 0.0 if math.isfinite(drifted.mean_kl_nats) else 1.0
    sampling = Sampling(max_length=len(loaded.tokenizer.encode(PROMPT)) + NEW_TOKENS, stop_at_end=False)
    for ours, model in ((loaded, theirs), (small, quantized)):
        yield float(not _could_have_written(model, generate(ours, PROMPT, sampling).ids))
    yield float(not _could_have_written(theirs, list(speculate(loaded, small, PROMPT, sampling))[-1].ids))


@torch.no_grad()
def _loss(model: PreTrainedModel, inputs: Tensor, targets: Tensor) -> float:
    logits = own.logits(model, inputs[None])[0].float()
    return float(nn.functional.cross_entropy(logits, targets, reduction="sum"))


@torch.no_grad()
def _kl(a: PreTrainedModel, b: PreTrainedModel, reference: Reference) -> float:
    total = 0.0
    for window in reference.windows:
        p, q = (own.logits(m, window.inputs[None])[0].double().log_softmax(-1) for m in (a, b))
        total += float((p.exp() * (p - q)).sum())
    return total


def _decoded(loaded: LoadedModel, small: LoadedModel, theirs: PreTrainedModel) -> PreTrainedModel:
    """A copy of transformers' model with the decoded matrices of `small` in the places of its own."""
    model = copy.deepcopy(theirs)
    parameters = dict(model.named_parameters())
    for layer in census(loaded):
        if layer.kind is not Kind.OTHER:
            weight, place = small.weight(layer.name), parameters[layer.tensor]
            turned = weight.shape != place.shape or _is_conv1d(model, layer.name)
            place.data = weight.T.contiguous() if turned else weight
    model.tie_weights()
    return model


def _is_conv1d(model: PreTrainedModel, name: str) -> bool:
    return type(model.get_submodule(name)).__name__ == "Conv1D"


@torch.no_grad()
def _could_have_written(model: PreTrainedModel, ids: tuple[int, ...]) -> bool:
    """Whether every new token is, but for a near tie, the likeliest that repeats no pair of tokens."""
    prompt = len(ids) - NEW_TOKENS
    for n in range(prompt, len(ids)):
        scores = own.logits(model, torch.tensor([ids[:n]]))[0, -1].float()
        for pair in pairwise(ids[:n]):
            if pair[0] == ids[n - 1]:
                scores[pair[1]] = -math.inf
        if scores[ids[n]] < scores.max() - 1e-3:
            return False
    return True


def _remarks(loaded: LoadedModel) -> Iterator[str]:
    """What of it goes the slow way, or not at all."""
    if not loaded.remembers:
        yield "reads everything again for each token"
    if loaded.longest != CONTEXT:
        yield f"reads {loaded.longest} tokens"
    if not any(layer.kind is Kind.LINEAR for layer in census(loaded)):
        yield "has no linear layer"
    static = Activations(Activations.INT8.format, Per.TENSOR, static=True)
    calibration = Calibration("own", 256, SENTENCE)
    calibrated = Recipe.uniform(Scheme.integer(4, PerChannel()), activations=static, calibration=calibration)
    try:
        quantize_model(loaded, calibrated)
    except (CalibrationError, ModelError, SchemeError) as error:
        yield f"no method that calibrates: {error}"


def table(outcomes: list[Outcome]) -> str:
    """The outcomes as Markdown."""
    counts = ", ".join(f"{sum(o.verdict == v for o in outcomes)} {v}" for v in (RIGHT, REFUSED, UNBUILT, WRONG))
    head = ["# Architectures", "", __doc__.partition("\n")[0], "", f"{len(outcomes)} kinds: {counts}.", "",
            "| kind | architecture | verdict | worst difference | remarks |", "|---|---|---|---|---|"]  # fmt: skip
    rows = [f"| {o.kind} | {o.architecture} | {o.verdict} | {_shown(o.worst)} | {o.said} |" for o in outcomes]
    return "\n".join([*head, *rows, ""])


def _shown(worst: float) -> str:
    return "" if math.isnan(worst) else f"{worst:.0e}"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("kinds", nargs="*", default=sorted(ARCHITECTURES), metavar="KIND")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path)
    args = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    outcomes = []
    for kind in args.kinds:
        outcomes.append(visit(kind))
        o = outcomes[-1]
        print(f"{o.kind:28}{o.verdict:11}{_shown(o.worst):7}{o.said}", flush=True)
    if args.markdown:
        args.markdown.write_text(table(outcomes), encoding="utf8")
    if args.json:
        write({"kinds": [asdict(o) for o in outcomes]}, args.json)


if __name__ == "__main__":
    main()
