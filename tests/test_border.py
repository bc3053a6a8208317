"""What a listener may be given: each component's own values, and a sentence for anything else; and the page, fuzzed."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from typing import Any

import gradio as gr
import pytest
from gradio.block_function import BlockFunction

from quant.bench.fuzz import Served, Tally, fuzz
from quant.lab import Lab
from quant.text import Text
from quant.ui.border import texts as t
from quant.ui.border.inputs import LARGEST, Page, found, refusal
from quant.ui.page import build_page

ODD = [None, True, 3, 4.5, -1, 10**400, float("nan"), float("inf"), "", "4", "\ud800", "a", [], ["a"], {}, {"a": 1},
       [[]], {"path": "/etc/hosts"}]  # fmt: skip


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """One for all tests: gradio opens one, and leaves it open, for each page that is built outside of any."""
    made = asyncio.new_event_loop()
    yield made
    made.close()


@pytest.fixture(scope="module")
def page(loop: asyncio.AbstractEventLoop) -> Page:
    async def build() -> gr.Blocks:
        return build_page(Lab())

    return loop.run_until_complete(build())  # type: ignore[return-value]


def refused(loop: asyncio.AbstractEventLoop, page: Page, fn: BlockFunction, values: list[Any]) -> gr.Error | None:
    """What a listener says to what it is given; None where it takes it."""
    try:
        loop.run_until_complete(page.preprocess_data(fn, values, None))
    except gr.Error as error:
        return error
    return None


def listeners(page: Page) -> Iterator[BlockFunction]:
    """Every function of the page that a visitor can reach, private ones too."""
    return (fn for fn in page.fns.values() if fn.fn is not None and fn.api_visibility == "private")


def test_each_kind_of_component_takes_its_own_values_alone() -> None:
    choices = [("Uno", 1), ("Sí", True), ("A", "a")]
    kinds: list[tuple[Any, list[Any]]] = [
        (gr.Slider(2, 8), [3, 4.5]), (gr.Number(), [None, 3, 4.5, -1]), (gr.Checkbox(), [True]),
        (gr.Textbox(), [None, "", "4", "a"]), (gr.Radio(choices), [None, True, "a"]),
        (gr.Dropdown(choices), [None, True, "a"]),
    ]  # fmt: skip
    for component, taken in kinds:
        for value in ODD:
            allowed = refusal(component, value)
            fits = any(type(one) is type(value) and one == value for one in taken)
            assert (allowed is None) is fits, (component, value)
            assert allowed is None or isinstance(allowed, Text)
    assert refusal(gr.Number(), LARGEST) is None
    assert refusal(gr.Radio(choices), 1.0) is not None


def test_every_listener_refuses_in_the_language_of_its_page_and_without_a_traceback(
    page: Page, loop: asyncio.AbstractEventLoop
) -> None:
    """Each listener, one value too many."""
    for fn in listeners(page):
        usual = [getattr(block, "value", None) for block in fn.inputs]
        error = refused(loop, page, fn, [*usual, None])
        assert error, fn.name
        assert not error.print_exception
        said = t.BAD_COUNT.format(n=len(usual), got=len(usual) + 1)
        assert error.message == (said.en if fn.page == "en" else said.es), fn.name


def test_every_input_of_every_listener_refuses_what_is_not_its_own(page: Page) -> None:
    count = 0
    for fn in listeners(page):
        usual = [getattr(block, "value", None) for block in fn.inputs]
        assert found(fn.inputs, usual, None) is None, fn.name
        for place, odd in itertools.product(range(len(usual)), ODD):
            problem = found(fn.inputs, [*usual[:place], odd, *usual[place + 1 :]], None)
            if problem:
                count += 1
                assert fn.inputs[place].label in problem.es, (fn.name, odd)
    assert count > 4000


def test_what_gradio_would_refuse_in_its_own_words_is_one_sentence(loop: asyncio.AbstractEventLoop) -> None:
    def fails(payload: object) -> None:
        raise ValueError("Cannot move /etc/hosts to the gradio cache dir")

    async def build() -> Page:
        with Page() as page:
            box = gr.Textbox()
            gr.Button().click(lambda x: x, box, None, api_visibility="private")
        box.preprocess = fails  # type: ignore[method-assign, assignment]
        return page

    page = loop.run_until_complete(build())
    (fn,) = (fn for fn in page.fns.values() if fn.fn)
    error = refused(loop, page, fn, ["a"])
    assert error
    assert error.message == t.UNUSABLE.format(name=t.UNNAMED).es
    assert not error.print_exception


def test_what_came_is_shown_as_text_and_cut_short(page: Page, loop: asyncio.AbstractEventLoop) -> None:
    fn = next(fn for fn in listeners(page) if any(isinstance(block, gr.Checkbox) for block in fn.inputs))
    values = ["<img src=x onerror=alert(1)>" * 9 if isinstance(b, gr.Checkbox) else b.value for b in fn.inputs]
    error = refused(loop, page, fn, values)
    assert error
    assert "<img" not in error.message
    assert "&lt;img" in error.message
    assert len(error.message) < 400


@pytest.mark.slow
def test_three_hundred_calls_that_nobody_should_send(served_page: Served) -> None:
    """A part of `python -m quant.bench.fuzz`: a page in another process, real HTTP."""
    tally: Tally = fuzz(served_page, 300)
    assert served_page.lives()
    assert tally.calls == 300
    assert tally.found == []
    assert tally.statuses[200] > 20
    assert sum(n for status, n in tally.statuses.items() if status >= 400) > 100
