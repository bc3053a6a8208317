"""What visitors share: one copy of each model; caches that stay in their bytes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from working import fractions, steps

from quant import lab as lab_module
from quant.errors import EvaluationError, ModelError, SchemeError
from quant.lab import Lab, own_bytes
from quant.model.load import LoadedModel
from quant.quantization import quantize_model
from quant.recipe import Recipe
from quant.scheme import PerChannel, PerGroup, Scheme
from quant.size import size_report
from quant.texts import EvalText, own_text
from quant.work import finished

TEXT = own_text("El agua hierve a cien grados al nivel del mar, y a menos en lo alto de una montaña. " * 3)


@pytest.fixture
def lab(hub_folder: Path, hub_cache: Path) -> Lab:
    """A lab with the tiny model beside the embedded one."""
    return Lab(extra=hub_folder)


def recipe(lab: Lab, bits: int) -> Recipe:
    return Recipe.uniform(Scheme.integer(bits, PerChannel()), model=lab.default())


def quantized(lab: Lab, wanted: Recipe) -> LoadedModel:
    return finished(lab.quantized(wanted))


def packed(lab: Lab, wanted: Recipe) -> int:
    """What the recipe's matrices occupy, by the report."""
    return sum(r.stored_bytes for r in size_report(lab.loaded(lab.default()), wanted).rows if r.quantized)


def at_once(*works: Callable[[], object]) -> None:
    """Run all in threads of their own and wait for them."""
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)


# --- models -----------------------------------------------------------------------------------------------------------


def test_a_folder_given_at_start_comes_first(lab: Lab, hub_folder: Path) -> None:
    assert lab.names() == [hub_folder.name, "embedded"]  # never its path: addresses show it
    assert lab.default() == hub_folder.name
    assert lab.loaded(lab.default()).name == "gpt2-tiny"


def test_without_a_folder_or_a_cache_there_is_the_embedded_model(hub_cache: Path) -> None:
    assert Lab().names() == ["embedded"]
    assert Lab().default() == "embedded"


@pytest.mark.parametrize("name", ["gpt-5", "", "/etc", "datificate/gpt2-small-spanish"])
def test_a_model_that_is_not_offered_is_refused_with_those_that_are(lab: Lab, hub_folder: Path, name: str) -> None:
    with pytest.raises(ModelError) as caught:
        lab.loaded(name)
    assert caught.value.text.es == (f"El modelo «{name}» no está en esta página; puedes elegir: gpt2-tiny, embedded.")
    assert caught.value.text.en == (f"The model “{name}” is not on this page; you can choose: gpt2-tiny, embedded.")


def test_a_folder_that_a_visitor_names_is_not_opened(hub_folder: Path, hub_cache: Path) -> None:
    with pytest.raises(ModelError):
        Lab().loaded(str(hub_folder))


def test_two_threads_get_the_same_object_from_one_load(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    loads, got = [], []
    load_model = lab_module.load_model

    def slow(name: str) -> LoadedModel:
        loads.append(name)
        time.sleep(0.05)
        return load_model(name)

    monkeypatch.setattr(lab_module, "load_model", slow)
    at_once(*[lambda: got.append(lab.loaded(lab.default()))] * 4)
    assert len(loads) == 1
    assert len(got) == 4
    assert len(set(map(id, got))) == 1


def test_a_load_that_fails_can_be_tried_again(lab: Lab, monkeypatch: pytest.MonkeyPatch, tiny: LoadedModel) -> None:
    outcomes: list[Exception | LoadedModel] = [ModelError(TEXT.title), tiny]

    def next_outcome(name: str) -> LoadedModel:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(lab_module, "load_model", next_outcome)
    with pytest.raises(ModelError):
        lab.loaded(lab.default())
    assert lab.loaded(lab.default()) is tiny


# --- quantized models -------------------------------------------------------------------------------------------------


def test_a_quantized_model_comes_after_its_progress(lab: Lab) -> None:
    said, model = fractions(lab.quantized(recipe(lab, 4)))
    assert said[-1] == 1
    expected = quantize_model(lab.loaded(lab.default()), recipe(lab, 4))
    assert bool((model.weight("transformer.h.0.mlp.c_fc") == expected.weight("transformer.h.0.mlp.c_fc")).all())


def test_the_second_time_it_comes_at_once_and_is_the_same(lab: Lab) -> None:
    first = quantized(lab, recipe(lab, 4))
    said, again = steps(lab.quantized(recipe(lab, 4)))
    assert said == []
    assert again is first


def test_an_unfinished_quantization_is_not_kept(lab: Lab) -> None:
    work = lab.quantized(recipe(lab, 4))
    next(work)
    next(work)
    work.close()
    assert lab.cached_bytes() == 0
    assert len(list(lab.quantized(recipe(lab, 4)))) > 1


def test_bytes_are_those_not_shared_with_the_original(lab: Lab) -> None:
    base = lab.loaded(lab.default())
    model = quantized(lab, recipe(lab, 4))
    assert own_bytes(base, model) == lab.cached_bytes() == packed(lab, recipe(lab, 4))
    assert own_bytes(base, base) == 0
    four = recipe(lab, 4)
    whole = replace(four, rules=(replace(four.rules[-1], layers="*"),))
    assert own_bytes(base, quantize_model(base, whole)) == packed(lab, whole)  # the tied table once


def test_the_cache_stays_in_its_bytes_and_forgets_the_least_recently_used(hub_folder: Path, hub_cache: Path) -> None:
    lab = Lab(extra=hub_folder)
    of_2, of_3, of_4 = (packed(lab, recipe(lab, bits)) for bits in (2, 3, 4))
    lab = Lab(extra=hub_folder, cache_bytes=of_3 + of_4)
    two, three = quantized(lab, recipe(lab, 2)), quantized(lab, recipe(lab, 3))
    assert lab.cached_bytes() == of_2 + of_3
    assert quantized(lab, recipe(lab, 2)) is two  # used again: 3 is now the oldest
    quantized(lab, recipe(lab, 4))
    assert lab.cached_bytes() == of_2 + of_4
    assert quantized(lab, recipe(lab, 2)) is two
    assert quantized(lab, recipe(lab, 3)) is not three
    assert lab.cached_bytes() == of_2 + of_3


def test_a_model_larger_than_the_cache_is_kept_alone(hub_folder: Path, hub_cache: Path) -> None:
    lab = Lab(extra=hub_folder, cache_bytes=1)
    quantized(lab, recipe(lab, 2))
    three = quantized(lab, recipe(lab, 3))
    assert lab.cached_bytes() == packed(lab, recipe(lab, 3))
    assert quantized(lab, recipe(lab, 3)) is three


def test_what_cannot_be_quantized_is_an_error_and_leaves_the_cache_alone(lab: Lab) -> None:
    kept = quantized(lab, recipe(lab, 4))
    with pytest.raises(SchemeError):
        list(lab.quantized(Recipe.uniform(Scheme.integer(4, PerGroup(128)), model=lab.default())))
    with pytest.raises(ModelError):
        list(lab.quantized(Recipe.uniform(model="gpt-5")))
    assert quantized(lab, recipe(lab, 4)) is kept


# --- references -------------------------------------------------------------------------------------------------------


def text(n: int) -> EvalText:
    """Texts of as many tokens, all different."""
    return own_text(f"{TEXT.documents[0]} {n}")


def held(lab: Lab, n: int) -> bool:
    """Whether the lab still has the reference of `text(n)`, without asking for it (which would make it anew)."""
    return any(t == text(n) for _, t in lab._references)


def test_the_reference_of_a_model_and_a_text_is_made_once(lab: Lab) -> None:
    first = lab.reference(lab.default(), text(1))
    assert first.loaded is lab.loaded(lab.default())
    assert first.text == text(1)
    assert lab.reference(lab.default(), own_text(text(1).documents[0])) is first  # an equal text, another object
    other = lab.reference(lab.default(), text(2))
    assert other is not first
    assert other.text == text(2)
    assert lab.reference(lab.default(), text(1)) is first


def test_another_model_has_another_reference(lab: Lab, tiny: LoadedModel) -> None:
    lab._loaded["embedded"] = tiny
    first, other = lab.reference(lab.default(), TEXT), lab.reference("embedded", TEXT)
    assert first is not other
    assert other.loaded is tiny


def test_what_a_reference_has_read_is_kept(lab: Lab) -> None:
    reference = lab.reference(lab.default(), TEXT)
    hidden = reference.hidden(0)
    assert 0 < hidden.nbytes < reference.full_bytes
    assert lab.reference(lab.default(), TEXT).hidden(0) is hidden


def test_full_bytes_are_those_of_all_hidden_states(lab: Lab) -> None:
    reference = lab.reference(lab.default(), TEXT)
    assert len(reference.windows) > 1
    before = reference.full_bytes
    assert sum(reference.hidden(i).nbytes for i in range(len(reference.windows))) == before
    assert reference.full_bytes == before


def test_the_references_stay_in_their_bytes_and_the_least_recently_used_goes(hub_folder: Path, hub_cache: Path) -> None:
    one = Lab(extra=hub_folder).reference(hub_folder.name, text(1)).full_bytes
    lab = Lab(extra=hub_folder, reference_bytes=2 * one)
    first, second = lab.reference(lab.default(), text(1)), lab.reference(lab.default(), text(2))
    assert second.full_bytes == one
    assert lab.reference(lab.default(), text(1)) is first  # used again: 2 is now the oldest
    lab.reference(lab.default(), text(3))
    assert [held(lab, n) for n in (1, 2, 3)] == [True, False, True]
    assert lab.reference(lab.default(), text(1)) is first
    assert lab.reference(lab.default(), text(2)) is not second
    assert [held(lab, n) for n in (1, 2, 3)] == [True, True, False]


def test_a_reference_larger_than_the_bound_is_kept_alone(hub_folder: Path, hub_cache: Path) -> None:
    lab = Lab(extra=hub_folder, reference_bytes=1)
    lab.reference(lab.default(), text(1))
    second = lab.reference(lab.default(), text(2))
    assert len(lab._references) == 1
    assert lab.reference(lab.default(), text(2)) is second


def test_visitors_texts_do_not_pile_up(hub_folder: Path, hub_cache: Path) -> None:
    lab = Lab(extra=hub_folder, reference_bytes=2**17)
    for n in range(20):
        lab.reference(lab.default(), text(n))
    assert 1 < len(lab._references) < 10
    assert sum(r.full_bytes for r in lab._references.values()) <= 2**17


def test_a_text_too_short_has_no_reference(lab: Lab) -> None:
    with pytest.raises(EvaluationError):
        lab.reference(lab.default(), own_text("Corto."))
    assert not lab._references


def test_a_model_that_is_not_offered_has_no_reference(lab: Lab) -> None:
    with pytest.raises(ModelError):
        lab.reference("gpt-5", TEXT)
