"""Every architecture of causal language model that transformers has is computed right, or refused in words."""

from __future__ import annotations

import re
import warnings
import zlib
from pathlib import Path

import pytest
from cases import each
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES as ARCHITECTURES

from quant.bench import zoo
from quant.bench.zoo import RIGHT, UNBUILT, WRONG, Outcome, table, visit

TABLE = Path(zoo.__file__).parent / "ZOO.md"
FEW = ["gpt2", "granite", "mixtral", "mamba", "bloom", "bert", "phimoe", "falcon"]
SLOWEST = (
    "longcat_flash",
    "kimi_linear",
    "dots3_note_text",
    "gemma3n_text",
)  # tens of millions of parameters, however small


def published() -> dict[str, str]:
    """The verdict of each kind in the table."""
    rows = re.findall(r"^\| (\S+) \| \S+ \| ([\w ]+) \|", TABLE.read_text(encoding="utf8"), re.MULTILINE)
    return {kind: verdict for kind, verdict in rows if kind != "kind"}


def visited(kind: str) -> Outcome:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # theirs, of configurations as small as these
        return visit(kind)


@each("kind", FEW)
def test_a_few_kinds(kind: str) -> None:
    outcome = visited(kind)
    assert outcome.verdict == published()[kind], outcome
    assert outcome.verdict != WRONG


@pytest.mark.slow
@each("kind", sorted(set(ARCHITECTURES) - set(FEW) - set(SLOWEST)))
def test_every_other_kind(kind: str, pytestconfig: pytest.Config) -> None:
    """One in eight of them; all with `--thorough`."""
    if zlib.crc32(kind.encode()) % 8 and not pytestconfig.getoption("--thorough"):
        return
    outcome = visited(kind)
    assert outcome.verdict == published()[kind], outcome
    assert outcome.said or outcome.verdict == RIGHT


def test_the_table_has_them_all_and_none_that_is_wrong() -> None:
    assert published().keys() == ARCHITECTURES.keys()
    assert WRONG not in published().values()
    assert sum(verdict == UNBUILT for verdict in published().values()) <= 12


def test_a_table_shows_what_is_wrong() -> None:
    shown = table([Outcome("a", "AForCausalLM", WRONG, "why", 0.5), Outcome("b", "BForCausalLM", RIGHT, "", 1e-7)])
    assert "| a | AForCausalLM | WRONG | 5e-01 | why |" in shown
    assert "2 kinds: 1 right, 0 refused, 0 not built, 1 WRONG" in shown


def test_a_difference_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a shortcut that leaves the scale of the logits out, Cohere comes out wrong, and loading says so."""
    monkeypatch.setattr("quant.run.forward.KNOWN", frozenset({"cohere"}))
    outcome = visited("cohere")
    assert "do not come out as its own code computes them" in outcome.said
    monkeypatch.setattr("quant.loading.proved", lambda loaded: loaded)
    assert visited("cohere").verdict == WRONG
