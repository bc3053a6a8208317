"""¿Cuál elijo? and the names, without a server: what is wanted in an address, an answer that agrees with its table."""

from __future__ import annotations

import re

import pytest

from quant.advice.recommend import Lack
from quant.errors import EvaluationError
from quant.evaluation.methods import below
from quant.lab import Lab
from quant.model.load import EMBEDDED
from quant.recorded_choices import recorded_choices
from quant.recorded_methods import recorded_methods
from quant.recorded_sweep import recorded_sweep
from quant.targets import TARGETS
from quant.ui.tabs.choose import advice_texts as t
from quant.ui.tabs.choose.advice_entries import entries, entry_name, of_recorded
from quant.ui.tabs.choose.advice_show import answer_html, found_for, guessed, sources_html, table_html
from quant.ui.tabs.choose.advice_state import State
from quant.ui.tabs.choose.names import names_html


@pytest.fixture(scope="module")
def lab() -> Lab:
    return Lab()


def test_what_is_wanted_goes_through_an_address() -> None:
    assert State.read("") == State()
    found = State.read("browser:many:7.5:1024:same:fidelity").wants()
    assert (found.target, found.sequences, found.memory_bytes, found.context) == ("browser", 16, 7_500_000, 1024)
    assert State.read("page:few:0:512:small:speed").wants().memory_bytes is None
    for wrong in (
        "page", "toaster:few:1:512:small:size", "page:some:1:512:small:size", "page:few:-1:512:small:size", ":::::",
        "page:few:nan:512:small:size", "page:few:1:9:small:size", "page:few:1:512:a lot:size",
    ):  # fmt: skip
        with pytest.raises(EvaluationError):
            State.read(wrong)


def test_the_answer_never_contradicts_its_table(lab: Lab) -> None:
    answered = 0
    for target in ("page", "browser", "apple", "nvidia-ada-hopper"):
        for rest in ("few:13:512:small:size", "few:0:512:noticeable:fidelity", "few:9:64:noticeable:size"):
            found = found_for(lab, EMBEDDED, State.read(f"{target}:{rest}").wants())
            answer, table = answer_html(found, "es"), table_html(lab, EMBEDDED, found, "es")
            picked = re.findall(r'<tr class="pick"><th scope="row">(.*?) <span', table)
            assert picked == ([found.best.entry.name] if found.best else [])
            if found.best is None:
                continue
            answered += 1
            best = found.best
            assert f"«{best.entry.name}»" in answer
            assert best.highest_kl <= found.wants.most_kl
            for other in found.fitting:
                assert (other in found.ties) is (
                    other is not best and not below(best.entry, other.entry) and not below(other.entry, best.entry)
                )
            assert table.count(t.TIED.es) == len(found.ties)
    assert answered >= 6


def test_a_guess_is_judged_by_what_loses_least_of_what_fits(lab: Lab) -> None:
    found = found_for(lab, EMBEDDED, State.read("browser:few:10:512:small:size").wants())
    said = dict(guessed(found, "es"))
    least = min(one.kl for one in found.options if one.total_bytes <= 10_000_000)
    assert least < 0.05
    assert said["SMALL"].startswith("Has acertado")
    assert said["BROKEN"].startswith("No:")


def test_where_nothing_is_measured_sizes_stand_and_no_figure_is_made_up(lab: Lab) -> None:
    found = found_for(lab, EMBEDDED, State.read("nvidia-blackwell:many:20:512:small:size").wants())
    assert found.lack is Lack.MEASURED
    shown = answer_html(found, "en") + table_html(lab, EMBEDDED, found, "en")
    assert "nothing is measured" in shown
    assert "NVFP4 × NVFP4" in shown
    assert "KL" not in shown
    assert "data-recipe" in shown  # to see it in the other tabs


def test_candidates_are_the_recorded_rows_and_those_measured_here(lab: Lab) -> None:
    recorded = recorded_methods().rows
    found = entries(lab, EMBEDDED)
    recipes = [one.recipe for one in found]
    swept, measured = recorded_sweep().entries(), recorded_choices().measured
    assert len(set(recipes)) == len(recipes)
    assert set(recipes) == {row.made for row in (*recorded, *measured)} | {one.recipe for one in swept}
    first = of_recorded(recorded[0])
    assert (first.kl, first.stored_bytes) == (recorded[0].kl.estimate, recorded[0].stored_bytes)
    names = [entry_name(row.made) for row in recorded]
    assert len(set(names)) == len(names)
    assert "int4 g64 zero · GPTQ" in names


def test_sources_and_names_are_shown_in_both_languages(lab: Lab) -> None:
    for language in ("es", "en"):
        sources = sources_html(language)  # type: ignore[arg-type]
        for target in TARGETS.values():
            assert all(source.url in sources for source in target.sources)
        shown = names_html(lab, EMBEDDED, "Q4_K_M", language)  # type: ignore[arg-type]
        assert shown.count("<code>") == 6 + 2  # parts, and the Python of two recipes
        assert "<script" not in names_html(lab, EMBEDDED, "GPTQ-Int4", language)  # type: ignore[arg-type]
