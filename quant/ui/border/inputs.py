"""The page, with a border: what a listener is given is looked at before gradio or the lab touch it.

Every call to a function of the page, private or not, by the queue or straight, by its name or its number, passes
through `Blocks.preprocess_data`: so this one method of a subclass is the place (an exception handler would come after
the queue had printed a traceback, a check in each listener would be forgotten in the next). A value that its component
cannot hold is refused with a sentence in the language of the page and without a traceback, and so is whatever gradio's
own components refuse in the words of their code. What the endpoints for programs are given, `quant.ui.api` looks at.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import gradio as gr
from gradio.block_function import BlockFunction
from gradio.blocks import Block
from gradio.data_classes import BlocksConfigDict
from gradio.state_holder import SessionState
from markupsafe import escape

from quant.errors import shown
from quant.text import Language, Text
from quant.ui.border import texts as t
from quant.ui.border.document import ASKED, Opener, as_opened

LARGEST = 2**63  # a number further from zero is a mistake, and so long that it would fill the screen
Problem = Text | None


class Page(gr.Blocks):
    """Blocks that refuse what their components cannot hold, keep to themselves where they lie in memory, and open as
    the address says.
    """

    server_name = "localhost"  # until gradio says which; somebody may ask before that

    def __init__(self, **given: Any) -> None:
        self._openers: dict[str, Opener] = {}
        super().__init__(**given)

    def opens(self, page: str, opener: Opener) -> None:
        """Say what the document of a page shows for what stands in its address."""
        self._openers[page] = opener

    @property
    def config(self) -> BlocksConfigDict:
        """The page's configuration; while a document is answered, that of its address."""
        asked = ASKED.get()
        if asked is None or asked.page not in self._openers:
            return self._config
        return as_opened(self._config, self._openers[asked.page](asked.params))

    @config.setter
    def config(self, config: BlocksConfigDict) -> None:
        self._config: BlocksConfigDict = config

    def get_config_file(self) -> BlocksConfigDict:
        """What every visitor is told of the page, without gradio's note of a function and its address."""
        config = super().get_config_file()
        for component in config["components"]:
            component["props"].pop("delete_callback", None)
        return config

    async def preprocess_data(self, block_fn: BlockFunction, inputs: list[Any], state: SessionState | None,
                              explicit_call: bool = False) -> list[Any]:  # fmt: skip
        language: Language = "es" if block_fn.page == "" and block_fn.api_visibility == "private" else "en"
        if problem := found(block_fn.inputs, inputs, state):
            raise said(problem, language)
        try:
            given: list[Any] = await super().preprocess_data(block_fn, inputs, state, explicit_call)
        except (gr.Error, ValueError, TypeError, LookupError, AttributeError) as error:
            raise said(t.UNUSABLE.format(name=t.UNNAMED), language) from error
        return given


def said(problem: Text, language: Language) -> gr.Error:
    """The error that gradio shows as it is, without a traceback in the log. Gradio shows it as HTML: hence escaped."""
    return gr.Error(str(escape(problem[language])), print_exception=False)


def found(blocks: Sequence[Block], values: Sequence[Any], state: SessionState | None) -> Problem:
    """The first thing that is wrong with what came for `blocks`, which a session may have changed since."""
    if len(values) != len(blocks):
        return t.BAD_COUNT.format(n=len(blocks), got=len(values))
    for block, value in zip(blocks, values, strict=True):
        live = state[block._id] if state and not block.stateful and block._id in state else block
        if (allowed := refusal(live, value)) and not _offered_before(block, value):
            return t.BAD_INPUT.format(name=named(live), got=written(value), allowed=allowed)
    return None


def _offered_before(block: Block, value: Any) -> bool:
    """Whether a list was built with an option that its session no longer offers (shared/sessions.py)."""
    return isinstance(block, gr.Radio | gr.Dropdown) and not_chosen(block, value) is None


def named(block: Block) -> Text:
    label = getattr(block, "label", None)
    return Text(label, label) if isinstance(label, str) and label else t.UNNAMED


def written(value: Any) -> str:
    """The beginning of what came, as JSON."""
    return shown(json.dumps(value))


def refusal(block: Block, value: Any) -> Problem:
    """What `block` may hold, where `value` is not that. What kinds are not listed here, gradio checks."""
    if isinstance(block, gr.Slider):
        whole = not isinstance(block.step, int) or type(value) is int  # a browser writes 3, never 3.0
        fits = is_number(value) and whole and block.minimum <= value <= block.maximum
        return None if fits else t.A_RANGE.format(low=block.minimum, high=block.maximum)
    if isinstance(block, gr.Number):
        return None if value is None or is_number(value) else t.A_NUMBER
    if isinstance(block, gr.Checkbox):
        return None if isinstance(value, bool) else t.YES_OR_NO
    if isinstance(block, gr.Textbox):
        return None if value is None or is_text(value) else t.A_TEXT
    if isinstance(block, gr.Dropdown) and block.allow_custom_value:
        return None if value is None or is_text(value) else t.A_TEXT
    if isinstance(block, gr.Radio | gr.Dropdown):
        return not_chosen(block, value)
    return None


def is_number(value: Any) -> bool:
    """Whether this is a number of a size that somebody means; true and false are none."""
    return type(value) in (int, float) and abs(value) <= LARGEST  # which no NaN is


def is_text(value: Any) -> bool:
    """Whether this is text, without halves of characters."""
    return isinstance(value, str) and not any("\ud800" <= c <= "\udfff" for c in value)


def not_chosen(block: gr.Radio | gr.Dropdown, value: Any) -> Problem:
    """The options, where `value` is none of them; nothing chosen is for the one who asks to judge.

    1 and true are not the same option, though Python says that they are equal.
    """
    if value is None or any(type(value) is type(option) and value == option for _, option in block.choices):
        return None
    return t.ONE_OF.format(options=shown(", ".join(str(title) for title, _ in block.choices)))
