"""What Gradio remembers of each visitor and of each call of a program, made small and bounded.

Gradio's own session holds the configuration of every component of the page, made anew at its first event: 0.6 MB, and
30 ms in which the event loop does nothing else. It serves links that store a snapshot of the page on the server; here
an address holds the recipe and the browser what was tried, so nobody reads it. What stays is what lists offer.

A list may offer fewer options for a while (the formats of a family). Two answers that are on their way at once reach
the browser and the session in either order, so that what a browser offers and its session does not is no mistake: a
list also takes whatever it was built with. What it offers stays narrow, for Gradio sends to the browser what the
session holds.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import gradio as gr
from gradio.routes import App
from gradio.state_holder import SessionState, StateHolder

MOST_SESSIONS = 1000  # the one that nobody has used for longest is forgotten first


def _taking(narrow: gr.Radio | gr.Dropdown, built: gr.Radio | gr.Dropdown) -> Callable[[Any], Any]:
    """How a list reads what a browser sends: an option of its own, or one that it was built with."""
    own = narrow.preprocess

    def preprocess(payload: Any) -> Any:
        return built.preprocess(payload) if payload in [value for _, value in built.choices] else own(payload)

    return preprocess


class SmallSession(SessionState):
    """A session without the configuration of what it shows."""

    def __init__(self, blocks: gr.Blocks) -> None:
        configured: Any = SimpleNamespace(default_config=blocks.default_config, blocks=())  # of no component
        super().__init__(configured)
        self._built = blocks.blocks

    def __setitem__(self, key: int, value: Any) -> None:
        built = self._built.get(key)
        lists = gr.Radio | gr.Dropdown
        if value is not built and isinstance(value, lists) and isinstance(built, lists):
            value.preprocess = _taking(value, built)  # type: ignore[method-assign]
        super().__setitem__(key, value)
        self.config_values.clear()

    def _update_config(self, key: int) -> None:
        pass

    def _update_value_in_config(self, key: int, value: Any) -> None:
        pass


class SmallSessions(StateHolder):
    """Gradio's sessions, each of them small."""

    def __getitem__(self, session_id: str) -> SessionState:
        if session_id not in self.session_data:
            self._make_room()
            self.session_data[session_id] = SmallSession(self.blocks)
        return super().__getitem__(session_id)

    def _make_room(self) -> None:
        """Forget the oldest session that holds nothing: a program's calls must not cost a visitor what they tried."""
        with self.lock:
            if len(self.session_data) >= self.capacity:
                empty = next((name for name, one in self.session_data.items() if not one.state_data), None)
                if empty is not None:
                    del self.session_data[empty]
                    self.time_last_used.pop(empty, None)


@asynccontextmanager
async def small_sessions(app: App) -> AsyncIterator[None]:
    """Let an app that starts keep small sessions: what `launch` takes as `app_kwargs={"lifespan": …}`."""
    sessions = SmallSessions()
    sessions.set_blocks(app.get_blocks())
    app.state_holder = sessions
    yield
