"""Command line of the page: which model to add, whether to share, and a clear word when there is no network."""

from __future__ import annotations

import argparse
import gc
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import gradio as gr
from fastapi import FastAPI
from gradio.networking import GRADIO_API_SERVER

from quant.errors import ModelError
from quant.kernels.native import make_beside
from quant.lab import Lab
from quant.plots import style
from quant.ui.border.document import own_documents
from quant.ui.border.guard import bordered
from quant.ui.page import CSS, HEAD, build_page
from quant.ui.shared.action import MOST_HEAVY
from quant.ui.shared.sessions import MOST_SESSIONS, small_sessions

# System fonts: nothing to fetch, every weight there. Blue is what acts and the original, orange the quantized model.
THEME = gr.themes.Default(
    primary_hue="blue", neutral_hue="slate", radius_size="md",
    font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"],
).set(
    **{f"button_primary_background_fill{where}": style.ORIGINAL for where in ("", "_dark")},
    **{f"button_primary_background_fill_hover{where}": "#005A8E" for where in ("", "_dark")},
    **{f"button_primary_text_color{where}": "#FFFFFF" for where in ("", "_dark")},
    **{f"{kind}_border_color{where}": "#7A8494" for kind in ("input", "checkbox") for where in ("", "_dark")},
    slider_color="#C27C00", slider_color_dark=style.QUANTIZED,
    checkbox_background_color_selected=style.ORIGINAL, checkbox_background_color_selected_dark=style.ORIGINAL,
    checkbox_border_color_selected=style.ORIGINAL, checkbox_border_color_selected_dark=style.MANTISSA,
)  # fmt: skip
# Whoever waits for heavy work holds one of gradio's places, but no thread; there are always some left for light work.
# A browser asks for one thing a listener, so that a full light queue is a program that calls without waiting.
CROWD: dict[str, Any] = {"max_threads": MOST_HEAVY + 40, "state_session_capacity": MOST_SESSIONS}
MOST_QUEUED = 2000


@asynccontextmanager
async def around(app: FastAPI) -> AsyncIterator[None]:
    """What stands around gradio's application while it runs: small sessions, and the border."""
    with own_documents(HEAD):
        async with small_sessions(app), bordered(app):
            yield


# What gradio leaves open unless it is told; `quant.ui.border` closes the rest.
CLOSED: dict[str, Any] = {
    "app_kwargs": {"lifespan": around}, "enable_monitoring": False, "max_file_size": 10 * gr.FileSize.MB,
    "mcp_server": False, "pwa": False,
}  # fmt: skip
NO_NETWORK = (
    "No hay red para abrir un enlace público (--share): no se alcanza {host}. La página sigue en esta máquina.\n"
    "There is no network for a public link (--share): {host} cannot be reached. The page stays on this machine."
)


def share_host() -> str:
    """The host that gives out public links."""
    return urlsplit(GRADIO_API_SERVER).hostname or GRADIO_API_SERVER


def can_reach(host: str, port: int = 443, timeout_s: float = 5.0) -> bool:
    """Whether a TCP connection to `host` opens."""
    try:
        with socket.create_connection((host, port), timeout=timeout_s):
            return True
    except OSError:
        return False


def register_zero_gpu() -> bool:
    """On ZeroGPU hardware a Space must own a GPU function to start; this lab computes on the processor, so an idle one.

    Returns whether there was anything to do: the `spaces` package exists only there.
    """
    if find_spec("spaces") is None:
        return False
    import spaces

    spaces.GPU(_idle)
    return True


def _idle() -> None:
    """What the lab asks of a GPU."""


def main(arguments: list[str] | None = None) -> None:
    """Read the command line and serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--share", action="store_true", help="enlace público temporal / temporary public link")
    parser.add_argument("--model", type=Path, help="carpeta con otro modelo / folder with another model")
    args = parser.parse_args(arguments)
    share = args.share
    if share and not can_reach(share_host()):
        print(NO_NETWORK.format(host=share_host()), flush=True)
        share = False
    register_zero_gpu()
    lab = Lab(args.model)
    try:
        lab.loaded(lab.default())
    except ModelError as error:
        parser.error(f"{error.text.es}\n{error.text.en}")
    page = build_page(lab).queue(max_size=MOST_QUEUED)
    make_beside()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # as Ctrl-C: the folder of downloads goes too
    gc.freeze()  # a collection among all that is here by now would stop the page for a third of a second
    gc.enable()
    page.launch(
        share=share, css=CSS, theme=THEME, footer_links=[], ssr_mode=False, run_history=False,
        **CROWD, **CLOSED,
    )  # fmt: skip
