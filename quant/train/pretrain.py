"""Train the embedded model: a GPT-2 of five million parameters that writes Spanish, from texts to weights.

The idea: on two cores, tokens seen decide the quality, so everything serves tokens per second (bfloat16 autocast,
`torch.compile`, a small vocabulary), and Muon gets the most out of each token. Muon (Jordan et al. 2024, as torch
ships it) updates the hidden matrices, AdamW the tables, LayerNorms and biases. The learning rate warms up, stays
constant and falls linearly to zero over the last `--decay` tokens (warmup-stable-decay), so that a run can be
lengthened from a checkpoint taken before the decay. Which windows make step i follows from (seed, i) alone, so a
resumed run sees what an uninterrupted one would have seen.

    python -m quant.train.pretrain CORPUS_FOLDER WORK_FOLDER --until 40e6 --decay 10e6

writes WORK_FOLDER/{tokenizer.json, checkpoint.pt, log.jsonl, export/}. Started again, it resumes.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from torch import Tensor, nn
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

from quant.texts import FOLDER
from quant.train.holdout import ngrams, read_documents

BOS = "<|endoftext|>"
VOCABULARY = 4096
CONTEXT = 512
BATCH = 16
SEED = 1
# Share of the training windows drawn from each source. Literature is most of the corpus; what encyclopedia there is
# is repeated (about eight times in 50 M tokens), since both kinds of text are evaluated.
MIX = {
    "literatura_seleccion": 0.37,
    "literatura_1890_1931_resto": 0.24,
    "cuentos_literarios": 0.06,
    "wikipedia_resumenes": 0.14,
    "openstax_fisica": 0.05,
    "openstax_quimica": 0.035,
    "openstax_estadistica": 0.02,
    "tatoeba_frases": 0.06,
    "ud_gsd_frases": 0.02,
    "cuentos_africanos": 0.005,
}
SENTENCES_TO_A_DOCUMENT = 6  # tatoeba and ud_gsd are loose sentences: packed so that a window is not all BOS
LOOSE = {"tatoeba_frases", "ud_gsd_frases"}


@dataclass(frozen=True)
class Schedule:
    """Learning-rate factor by tokens seen: linear warm-up, constant, linear to zero at `until`."""

    warmup: float
    decay: float
    until: float

    def __call__(self, tokens: float) -> float:
        return max(0.0, min(1.0, (tokens + 1) / self.warmup, (self.until - tokens) / self.decay))


def model_config() -> GPT2Config:
    """5 layers of width 256, context 512, tied table of 4,096: 5,128,960 parameters."""
    return GPT2Config(
        vocab_size=VOCABULARY, n_positions=CONTEXT, n_embd=256, n_layer=5, n_head=4,
        resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, bos_token_id=0, eos_token_id=0,
    )  # fmt: skip


def load_sources(corpus: Path, calibration: Path) -> dict[str, list[str]]:
    """Training documents by source, without calibration documents and without any that shares a 13-gram with one."""
    held = read_documents(calibration)
    forbidden = set().union(*map(ngrams, held))
    sources = {}
    for name in MIX:
        documents = [d for d in read_documents(corpus / "train" / f"{name}.txt") if d not in set(held)]
        documents = [d for d in documents if not ngrams(d) & forbidden]
        if name in LOOSE:
            step = SENTENCES_TO_A_DOCUMENT
            documents = [" ".join(documents[i : i + step]) for i in range(0, len(documents), step)]
        sources[name] = documents
    return sources


def train_tokenizer(sources: dict[str, list[str]], seed: int = SEED) -> Tokenizer:
    """Byte-level BPE on 12 MB of documents drawn in the proportions of the mix."""
    rng = np.random.default_rng(seed)
    sample: list[str] = []
    for name, share in MIX.items():
        budget = 12e6 * share
        for i in rng.permutation(len(sources[name])):
            sample.append(sources[name][i])
            budget -= len(sources[name][i].encode())
            if budget <= 0:
                break
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=[BOS], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )  # fmt: skip
    tokenizer.train_from_iterator(sample, trainer)
    return tokenizer


def encode_sources(sources: dict[str, list[str]], tokenizer: Tokenizer) -> dict[str, np.ndarray]:
    """One int64 stream of tokens per source, BOS before each document, documents in a fixed random order."""
    rng = np.random.default_rng(SEED)
    streams = {}
    for name, documents in sources.items():
        shuffled = [documents[i] for i in rng.permutation(len(documents))]
        ids = [np.array([0, *e.ids]) for e in tokenizer.encode_batch_fast(shuffled)]
        streams[name] = np.concatenate(ids).astype(np.int64)
    return streams


def batch(streams: dict[str, np.ndarray], step: int, seed: int = SEED) -> Tensor:
    """Windows (BATCH, CONTEXT + 1) of step `step`: source by share, offset uniform."""
    rng = np.random.default_rng([seed, step])
    names = rng.choice(list(MIX), size=BATCH, p=np.array(list(MIX.values())) / sum(MIX.values()))
    rows = []
    for name in names:
        start = rng.integers(len(streams[name]) - CONTEXT)
        rows.append(streams[name][start : start + CONTEXT + 1])
    return torch.from_numpy(np.stack(rows))


def optimizers(model: nn.Module, lr_muon: float, lr_adamw: float) -> list[torch.optim.Optimizer]:
    """Muon for the hidden matrices, AdamW for everything else."""
    hidden = [p for n, p in model.named_parameters() if p.ndim == 2 and ".h." in n]
    chosen = {id(p) for p in hidden}
    rest = [p for p in model.parameters() if id(p) not in chosen]
    return [
        torch.optim.Muon(hidden, lr=lr_muon, momentum=0.95, weight_decay=0.01),
        torch.optim.AdamW(rest, lr=lr_adamw, betas=(0.9, 0.95), weight_decay=0.01, fused=True),
    ]


def steps(model: nn.Module, streams: dict[str, np.ndarray], opts: list[torch.optim.Optimizer], schedule: Schedule,
          first: int) -> Iterator[tuple[int, float]]:  # fmt: skip
    """Train, yielding (step, loss in nats) after each step until the schedule ends."""

    def loss_of(window: Tensor) -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = model(window[:, :-1], use_cache=False).logits
        return nn.functional.cross_entropy(logits.float().flatten(0, 1), window[:, 1:].flatten())

    compiled = torch.compile(loss_of)
    base = [[g["lr"] for g in o.param_groups] for o in opts]
    for step in range(first, int(schedule.until // (BATCH * CONTEXT))):
        factor = schedule(step * BATCH * CONTEXT)
        for opt, rates in zip(opts, base, strict=True):
            for group, rate in zip(opt.param_groups, rates, strict=True):
                group["lr"] = rate * factor
        loss = compiled(batch(streams, step))
        loss.backward()
        nn.utils.clip_grad_norm_(opts[1].param_groups[0]["params"], 1.0)
        for opt in opts:
            opt.step()
            opt.zero_grad()
        yield step + 1, float(loss.detach())


@torch.no_grad()
def bits_per_byte(model: nn.Module, tokenizer: Tokenizer, documents: list[str], limit_bytes: float) -> float:
    """Bits-per-byte on entire documents up to about `limit_bytes`: a quick look during training."""
    nats = seen = 0.0
    for document in documents:
        ids = torch.tensor([0, *tokenizer.encode(document).ids])
        for s in range(0, len(ids) - 1, CONTEXT):
            window = ids[s : s + CONTEXT + 1]
            logits = model(window[None, :-1], use_cache=False).logits[0]
            nats += float(nn.functional.cross_entropy(logits.float(), window[1:], reduction="sum"))
        seen += len(document.encode())
        if seen > limit_bytes:
            break
    return nats / np.log(2) / seen


def export(model: GPT2LMHeadModel, tokenizer: Tokenizer, folder: Path) -> None:
    """Write float16 safetensors and the tokenizer, loadable by transformers."""
    clone = GPT2LMHeadModel(model_config())
    clone.load_state_dict(model.state_dict())
    clone.half().save_pretrained(folder)
    # A prompt starts a document, as the texts of the training did: without the BOS the model thinks that it comes
    # from the middle of one, and may end it after a word.
    template = Tokenizer.from_str(tokenizer.to_str())
    template.post_processor = processors.TemplateProcessing(single=f"{BOS} $A", special_tokens=[(BOS, 0)])
    fast = PreTrainedTokenizerFast(
        tokenizer_object=template, bos_token=BOS, eos_token=BOS, model_max_length=CONTEXT,
        clean_up_tokenization_spaces=False,
    )  # fmt: skip
    fast.save_pretrained(folder)


def save_atomically(state: dict, path: Path) -> None:
    torch.save(state, path.with_suffix(".tmp"))
    os.replace(path.with_suffix(".tmp"), path)


def train(corpus: Path, work: Path, texts: Path, schedule: Schedule, lr_muon: float, lr_adamw: float) -> None:
    torch.manual_seed(SEED)
    sources = load_sources(corpus, texts / "calibration.txt")
    tokenizer_file = work / "tokenizer.json"
    if not tokenizer_file.exists():
        train_tokenizer(sources).save(str(tokenizer_file))
    tokenizer = Tokenizer.from_file(str(tokenizer_file))
    streams = encode_sources(sources, tokenizer)
    model = GPT2LMHeadModel(model_config()).train()
    opts = optimizers(model, lr_muon, lr_adamw)
    first, checkpoint = 0, work / "checkpoint.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        first = state["step"]
        model.load_state_dict(state["model"])
        for opt, saved in zip(opts, state["optimizers"], strict=True):
            opt.load_state_dict(saved)
            for group, rate in zip(opt.param_groups, [lr_muon if opt is opts[0] else lr_adamw], strict=True):
                group["lr"] = rate
    evaluation = {n: read_documents(texts / f"{n}.txt") for n in ("enciclopedia", "literatura")}
    log = (work / "log.jsonl").open("a", encoding="utf8")
    total = {n: len(s) for n, s in streams.items()}
    print(json.dumps({"start": first, "schedule": asdict(schedule), "source_tokens": total}), file=log, flush=True)
    saved_at, losses, started = time.monotonic(), [], time.monotonic()
    decay_starts = schedule.until - schedule.decay
    for step, loss in steps(model, streams, opts, schedule, first):
        losses.append(loss)
        tokens = step * BATCH * CONTEXT
        stable = tokens < decay_starts
        if time.monotonic() - saved_at > 240 or tokens >= schedule.until - BATCH * CONTEXT:
            if stable:  # a run resumes, and is lengthened, from before the decay
                state = {"step": step, "model": model.state_dict(), "optimizers": [o.state_dict() for o in opts]}
                save_atomically(state, checkpoint)
            export(model, tokenizer, work / "export")
            saved_at = time.monotonic()
        if step % 250 == 0:
            quick = {n: round(bits_per_byte(model, tokenizer, d, 24e3), 4) for n, d in evaluation.items()}
            row = {"step": step, "tokens": tokens, "loss": round(float(np.mean(losses)), 4), **quick,
                   "tokens_per_s": round(len(losses) * BATCH * CONTEXT / (time.monotonic() - started))}  # fmt: skip
            print(json.dumps(row), file=log, flush=True)
            losses, started = [], time.monotonic()
    export(model, tokenizer, work / "export")
    full = {n: round(bits_per_byte(model, tokenizer, d, 1e9), 4) for n, d in evaluation.items()}
    print(json.dumps({"final": full}), file=log, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--texts", type=Path, default=FOLDER)
    parser.add_argument("--until", type=float, default=40e6, help="tokens in all")
    parser.add_argument("--decay", type=float, default=10e6, help="tokens over which the rate falls to zero")
    parser.add_argument("--lr-muon", type=float, default=0.02)
    parser.add_argument("--lr-adamw", type=float, default=3e-3)
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    schedule = Schedule(warmup=8e5, decay=args.decay, until=args.until)
    train(args.corpus, args.work, args.texts, schedule, args.lr_muon, args.lr_adamw)


if __name__ == "__main__":
    main()
