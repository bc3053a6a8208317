"""The log of what was tried: dated entries in order, each with what, result and verdict, in short paragraphs."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

LOG = (Path(__file__).resolve().parents[1] / "quant" / "bench" / "NOTES.md").read_text(encoding="utf8")
LONGEST_PARAGRAPH = 400
TITLE = re.compile(r"(\d{4}-\d{2}-\d{2}) \S.*")


def entries() -> list[tuple[str, list[str]]]:
    """(title, lines that are not empty) of each entry."""
    parts = [part.splitlines() for part in LOG.split("\n## ")[1:]]
    return [(title, [line for line in lines if line]) for title, *lines in parts]


def test_every_entry_has_a_dated_title_and_the_newest_is_last() -> None:
    titles = [title for title, _ in entries()]
    assert titles
    assert [title for title in titles if not TITLE.fullmatch(title)] == []
    assert [pair for pair in itertools.pairwise(titles) if pair[0][:10] > pair[1][:10]] == []
    assert len(set(titles)) == len(titles)


def test_every_entry_says_what_result_or_figures_and_verdict() -> None:
    incomplete = []
    for title, lines in entries():
        result = any(line.startswith(("Result: ", "|")) for line in lines)
        if not (lines[0].startswith("What: ") and result and lines[-1].startswith("Verdict: ")):
            incomplete.append(title)
    assert incomplete == []


def test_no_paragraph_or_row_of_a_table_is_long() -> None:
    """A paragraph is one line: none is wrapped."""
    too_long = [line[:60] for line in LOG.splitlines() if len(line) >= LONGEST_PARAGRAPH]
    assert too_long == []
