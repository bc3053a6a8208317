"""Models and texts small enough to score by hand: three letters whose next one depends on the last, and documents."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from transformers import GPT2LMHeadModel

from quant.model.load import LoadedModel
from quant.text import Text
from quant.texts import EvalText

PLACES = ["Madrid", "Sevilla", "el mar", "la montaña", "Ñuñoa"]
# Of 14 to 230 tokens: shorter than a window of 64, about as long, and of several windows.
DOCUMENTS = tuple(" ".join(f"En {place} hace buen tiempo." for place in PLACES[:n]) * n for n in (1, 2, 3, 5))


def text_of(*documents: str) -> EvalText:
    return EvalText("test", Text("prueba", "test"), documents)


TEXT = text_of(*DOCUMENTS)


class Bigrams(nn.Module):
    """The next token depends on the last alone: row t of `logits` is what comes after token t."""

    def __init__(self, logits: Tensor, context: int = 64) -> None:
        super().__init__()
        self.after = nn.Embedding.from_pretrained(logits)
        self.config = SimpleNamespace(max_position_embeddings=context, model_type="llama")

    def get_input_embeddings(self) -> nn.Embedding:
        return self.after

    def get_output_embeddings(self) -> nn.Linear:
        width, rows = self.after.weight.shape
        head = nn.Linear(width, rows, bias=False)
        head.weight = nn.Parameter(self.after.weight.T, requires_grad=False)
        return head

    def base_model(self, ids: Tensor, use_cache: bool) -> Any:
        """Hidden states that say which token was read, so that the head picks its row."""
        return SimpleNamespace(last_hidden_state=nn.functional.one_hot(ids, self.after.num_embeddings).float())

    def forward(self, ids: Tensor, use_cache: bool) -> Any:
        return SimpleNamespace(logits=self.after(ids))


class Letters:
    """A tokenizer of three letters; 0 begins a document."""

    bos_token_id = eos_token_id = 0

    def encode(self, text: str, **options: object) -> list[int]:
        return [" abñ".index(letter) for letter in text]

    def get_vocab(self) -> dict[str, int]:
        return {letter: i for i, letter in enumerate(" abñ")}


def bigrams(chances: list[list[float]], context: int = 64, name: str = "bigrams") -> LoadedModel:
    """A model of three letters; row t of `chances` are the probabilities after letter t."""
    model: Any = Bigrams(torch.tensor(chances).log(), context)
    tokenizer: Any = Letters()
    return LoadedModel(name, model, tokenizer, Text("a mano", "by hand"), "")


CHANCES = [[0.25, 0.5, 0.125, 0.125], [0.25] * 4, [0.125, 0.125, 0.25, 0.5], [0.5, 0.125, 0.125, 0.25]]


def plain_loss(model: GPT2LMHeadModel, loaded: LoadedModel, text: EvalText) -> float:
    """Summed nats by transformers' own loss, one window at a time."""
    total = 0.0
    for document in text.documents:
        ids = [loaded.bos, *loaded.tokenizer.encode(document, add_special_tokens=False)]
        for start in range(0, len(ids) - 1, 64):
            targets = torch.tensor([ids[start + 1 : start + 65]])
            inputs = torch.tensor([ids[start : start + targets.shape[1]]])
            with torch.no_grad():
                total += float(model(inputs, labels=inputs, shift_labels=targets).loss) * targets.shape[1]
    return total
