"""What light work has drawn, kept for whoever looks at the same.

A figure costs a twentieth of a second of Python, nearly all of it plotly's own objects, and only one thread at a time
runs Python: with fifty visitors that is what each of them waits for. A class looks at a few recipes again and again.
What is kept depends on nothing but its key; what says that something is wrong, or is empty, is drawn anew.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field

import plotly.graph_objects as go
from gradio.components.plot import PlotData

from quant.errors import QuantError
from quant.lab import Lab
from quant.ui.shared import html
from quant.ui.shared.frames import Updates, Values
from quant.ui.sidebar.choice import Choice
from quant.ui.tabs.base import Follow, Seen

MOST = 400  # some 20 kB each; the one that nobody has looked at for longest is dropped first


@dataclass(frozen=True)
class Drawn:
    """What the pages of one lab show, by what is looked at."""

    lab: Lab
    _kept: OrderedDict[Hashable, Updates] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def show(self, follow: Follow, seen: Seen, values: Values) -> Updates:
        """What `follow` shows, figures as the browser takes them."""
        # What has been made and measured here meanwhile is seen too.
        kinds = tuple(type(value) for value in vars(seen.choice).values())  # 3.0 is 3 to Python, and no choice of bits
        key = (follow.outputs, seen, kinds, _short(repr([values[c] for c in follow.own])), self._live(seen.choice),
               len(self.lab.rows))  # fmt: skip
        with self._lock:
            if found := self._kept.get(key):
                self._kept.move_to_end(key)
                return _copied(found)
        shown = {block: _drawn(value) for block, value in follow.show(seen, values).items()}
        right = shown and all(shown.values()) and not any(html.says_problem(value) for value in shown.values())
        if right and self.lab.is_loaded(seen.choice.model):
            with self._lock:
                self._kept[key] = shown
                while len(self._kept) > MOST:
                    self._kept.popitem(last=False)
        return _copied(shown)

    def waited_for(self, choice: Choice) -> bool:
        """Whether light work could not show a matrix of a choice before its model was made, which it has been."""
        try:
            recipe = choice.recipe()
        except QuantError:
            return False
        rule = recipe.rules[0]
        slow = not rule.how.light or rule.how.tune or rule.needs or recipe.steps or recipe.training
        return bool(slow) and self.lab.is_live(recipe)

    def _live(self, choice: Choice) -> bool:
        """Whether the model of a choice has been made, which some methods wait for."""
        try:
            return self.lab.is_live(choice.recipe())
        except QuantError:
            return False


def _short(text: str) -> str:
    """What stands for a text in a key: a browser may have kept much."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def _drawn(value: object) -> object:
    return PlotData(type="plotly", plot=value.to_json()) if isinstance(value, go.Figure) else value


def _copied(shown: Updates) -> Updates:
    """Gradio writes into the updates that it is given."""
    return {block: dict(value) if isinstance(value, dict) else value for block, value in shown.items()}
