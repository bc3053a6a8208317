"""What gradio keeps of each visitor: not a copy of the page, and of so many visitors and no more."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from gradio.state_holder import SessionState

from quant.lab import Lab
from quant.ui.border.inputs import found
from quant.ui.launch import CROWD
from quant.ui.page import build_page
from quant.ui.shared.sessions import SmallSession, SmallSessions, small_sessions


@pytest.fixture(scope="module")
def page(hub_folder: Path) -> gr.Blocks:
    async def built() -> gr.Blocks:  # in a loop: gradio would make one of its own, and leave it open
        return build_page(Lab(extra=hub_folder))

    return asyncio.run(built())


def size(value: Any, seen: set[int]) -> int:
    """Bytes of containers, strings and what they hold; components themselves are the page's."""
    if id(value) in seen or isinstance(value, gr.blocks.Block):
        return 0
    seen.add(id(value))
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return sys.getsizeof(value) + sum(size(part, seen) for part in inside)


def test_a_session_holds_no_copy_of_the_page(page: gr.Blocks) -> None:
    usual, small = SessionState(page), SmallSession(page)
    blocks = {id(page), id(page.blocks)}  # which all sessions share
    assert size(vars(usual), set(blocks)) > 200_000
    held = size(vars(small), set(blocks)) + size(vars(small.blocks_config), set(blocks))
    assert held < 50 * (len(page.blocks) + len(page.fns))  # a reference to each, and no more; 57 with six tabs


def test_what_a_listener_changes_is_kept_and_not_its_configuration(page: gr.Blocks) -> None:
    session = SmallSession(page)
    for key, block in page.blocks.items():
        session._update_config(key)
        session._update_value_in_config(key, "a value " * 1000)
        if isinstance(block, gr.Dropdown):
            changed = gr.Dropdown(["a", "b"], render=False)
            session[key] = changed
            assert session[key] is changed
            assert page.blocks[key] is block
    assert not session.config_values
    assert list(session.components) == []


def test_a_list_that_offers_less_for_a_while_still_takes_what_it_was_built_with(page: gr.Blocks) -> None:
    """A browser may have been offered it by the answer that the session heard of first; gradio sends what is held."""
    session = SmallSession(page)
    key, built = next((key, block) for key, block in page.blocks.items() if isinstance(block, gr.Dropdown))
    option = built.choices[0]
    session[key] = gr.Dropdown(["a"], render=False)
    assert session[key].choices == [("a", "a")]
    assert [session[key].preprocess(given) for given in ("a", option[1])] == ["a", option[1]]
    assert found([built], [option[1]], session) is None
    assert found([built], ["b"], session) is not None
    with pytest.raises(gr.Error):
        session[key].preprocess("b")


def test_the_longest_unused_session_is_forgotten(page: gr.Blocks) -> None:
    page.state_session_capacity = 3
    app = SimpleNamespace(get_blocks=lambda: page, state_holder=None)

    async def start() -> None:
        async with small_sessions(app):  # type: ignore[arg-type]
            pass

    asyncio.run(start())
    sessions: Any = app.state_holder
    assert isinstance(sessions, SmallSessions)
    for visitor in ("ana", "luis", "eva", "ana", "juan", "rosa"):
        assert isinstance(sessions[visitor], SmallSession)
    assert "ana" in sessions
    assert "luis" not in sessions
    assert len(sessions.session_data) <= 4
    assert CROWD["state_session_capacity"] <= 2000


def test_calls_of_programs_cost_no_visitor_what_a_session_holds() -> None:
    """A page with a state, which this one has no more: what was tried is kept by the browser."""

    async def built() -> tuple[gr.Blocks, int]:
        with gr.Blocks() as page:
            state = gr.State([])
        return page, state._id

    page, state = asyncio.run(built())
    page.state_session_capacity = 3
    sessions = SmallSessions()
    sessions.set_blocks(page)
    sessions["ana"][state] = ["measured"]
    for call in range(20):
        sessions[f"call {call}"]
    assert "ana" in sessions
    assert sessions["ana"][state] == ["measured"]
    assert len(sessions.session_data) <= 4
