"""The tour's questions: whatever is right and whatever is said follows from what is recorded."""

from __future__ import annotations

import re

import pytest

from quant.evaluation.verdict import Verdict
from quant.recorded import Recorded, Row, recorded
from quant.text import Language
from quant.ui.sidebar.choice import Choice, read_query
from quant.ui.sidebar.fields import FIELDS
from quant.ui.tabs.table import TITLES
from quant.ui.tour import texts as t
from quant.ui.tour.steps import BUDGET_BYTES, four_bits, kept, steps
from quant.ui.tour.tour import element, start_button, words

LANGUAGES: tuple[Language, ...] = ("es", "en")


def changed(found: Recorded, **rows: dict[str, object]) -> Recorded:
    """A recording in which the rows of such bits (groups of 64, no table) hold something else."""

    def one(row: Row) -> Row:
        usual = row.granularity == "group" and not row.table
        return row.model_copy(update=rows.get(f"b{row.bits}", {}) if usual else {})

    return found.model_copy(update={"rows": tuple(map(one, found.rows))})


@pytest.mark.parametrize("language", LANGUAGES)
def test_six_questions_through_the_tabs(language: Language) -> None:
    found = steps(recorded(), language)
    assert [step.tab for step in found] == ["inicio", "numeros", "pesos", "texto", "metrica", "metrica"]
    assert {step.tab for step in found} == set(TITLES) - {"metodos", "elige"}  # what its ten minutes have no room for
    for step in found:
        assert 3 <= len(set(step.options)) == len(step.options) <= 4
        assert 0 <= step.right < len(step.options)
        assert step.question.count("?") == 1
        assert "{" not in step.why + step.look


def test_both_languages_have_the_same_answers() -> None:
    spanish, english = (steps(recorded(), language) for language in LANGUAGES)
    for one, other in zip(spanish, english, strict=True):
        assert (one.right, one.before, one.after) == (other.right, other.before, other.after)


def test_every_recipe_is_one_that_the_page_knows() -> None:
    for step in steps(recorded(), "es"):
        for address in filter(None, (step.before, step.after)):
            said = dict(pair.split("=") for pair in address.split("&"))
            assert set(said) <= {field.name for field in FIELDS}
            choice, errors = read_query(said, Choice("embedded"))
            assert errors == []
            assert choice.query() == address


def test_the_bits_at_which_it_breaks_are_those_of_the_verdict() -> None:
    step = steps(recorded(), "es")[0]
    assert step.options[step.right] == "3 bits"
    assert "bits=3&" in step.after
    other = steps(changed(recorded(), b5={"verdict": Verdict.BROKEN.name, "text": " la la la"}), "es")[0]
    assert other.options[other.right] == "5 bits"
    assert "«la la la»" in other.why


def test_whether_eight_bits_write_the_same_is_read_off_the_texts() -> None:
    found = recorded()
    parted = changed(found, b8={"text": " otra", "same_tokens": 3})
    apart = changed(found, b8={"text": " otra", "same_tokens": 0})
    right = [steps(one, "es")[3].right for one in (found, parted, apart)]
    assert [list(t.SAME_OPTIONS)[i] for i in right] == ["all", "some", "none"]


def test_the_factor_is_that_of_the_perplexities() -> None:
    found = recorded()
    coarse = four_bits(found, granularity="tensor")
    step = steps(found, "en")[4]
    said = float(step.options[step.right].removeprefix("By "))
    assert said == pytest.approx(coarse.perplexity.value / found.perplexity_original.value, rel=0.05)
    # "How scales are shared out counts for more than a bit": one scale a matrix at 4 bits against groups at 3.
    assert coarse.perplexity.value > found.by_bits[3].perplexity.value


def test_only_the_recipe_of_the_answer_fits() -> None:
    found = recorded()
    step = steps(found, "es")[5]
    rows = (found.by_bits[8], four_bits(found, granularity="tensor"), found.by_bits[2], four_bits(found, table=True))
    assert [row.stored_bytes <= BUDGET_BYTES for row in rows] == [i == step.right for i in range(4)]
    assert step.after == rows[step.right].address


def test_no_figure_is_written_into_the_sentences() -> None:
    figure = re.compile(r"\d+[.,]\d+|[×%]|\d{3,}")
    own = {t.FLOATS_LOOK}  # numbers to be typed
    sentences = [value for name, value in vars(t).items() if name.endswith(("_WHY", "_LOOK"))] + list(t.KEPT)
    assert [text.es for text in sentences if text not in own and figure.search(text.es + text.en)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_of_it_is_in_the_page_and_hidden(language: Language) -> None:
    shown = element(language)
    assert shown.startswith("<lab-tour hidden>")
    assert shown.count('class="lab-tour-step"') == 7
    assert "[[" not in shown
    assert 'class="lab-term"' in shown
    for sentence in kept(recorded(), language):
        assert sentence in shown
    assert words(language)["tour"] in start_button(language)
    assert "{step}" in start_button(language)
