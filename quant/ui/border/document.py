"""The first document: what its address names is in it already, and so is how a link to it looks elsewhere.

Gradio's template is English, says “Gradio” to whoever previews a link, and shows every page as it was built. Here the
border notes which address is asked for; the page's configuration, which gradio writes into the document, is then that
of the address. Of the template only the head is ours, and only what stands in it twice or in English is taken out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gradio.blocks import Block
from gradio.components import Component
from gradio.data_classes import BlocksConfigDict, GradioModel, GradioRootModel
from gradio.routes import templates
from jinja2 import BaseLoader, Environment
from markupsafe import Markup

from quant.text import Language

NOTHING = Markup()
Params = Mapping[str, str]
HEAD = (Path(__file__).parent / "head.html").read_text(encoding="utf8")
PREVIEW = re.compile(r'<meta\s+(?:property="og:|name="twitter:)[^>]*?/>\s*')


@dataclass(frozen=True)
class Opening:
    """What a document shows.

    updates: as listeners give them; site: the page's title; title and said: of a link to it, shown elsewhere; first:
    what stands in it until gradio has built the page, so that there is something to see and to move at once.
    """

    updates: Mapping[Block, object]
    language: Language
    site: str
    title: str
    said: str
    first: Markup = NOTHING


@dataclass(frozen=True)
class Asked:
    """The document that is being asked for: the page's path without its slash, and what stands after the ?."""

    page: str
    params: Params


ASKED: ContextVar[Asked | None] = ContextVar("asked", default=None)
FIRST: ContextVar[Markup] = ContextVar("first", default=NOTHING)
Opener = Callable[[Params], Opening]


def as_opened(config: BlocksConfigDict, opening: Opening) -> BlocksConfigDict:
    """The configuration of a page whose document shows `opening`."""
    FIRST.set(opening.first)
    changed = {block._id: props(block, value) for block, value in opening.updates.items()}
    components = [
        {**one, "props": one["props"] | changed[one["id"]]} if one["id"] in changed else one
        for one in config["components"]
    ]
    preview = {"title": opening.title, "said": opening.said, "language": opening.language}
    opened: BlocksConfigDict = {**config, "components": components, "title": opening.site, "preview": preview}  # type: ignore[typeddict-unknown-key]
    return opened


def props(block: Block, shown: object) -> dict[str, Any]:
    """What a listener shows in `block`, as the properties that the browser is given."""
    is_update = isinstance(shown, dict) and shown.get("__type__") == "update"
    given = {k: v for k, v in shown.items() if k != "__type__"} if is_update else {"value": shown}  # type: ignore[attr-defined]
    if "value" in given and isinstance(block, Component):
        sent = block.postprocess(given["value"])
        given["value"] = sent.model_dump() if isinstance(sent, GradioModel | GradioRootModel) else sent
    return given


class OwnHead(BaseLoader):
    """Gradio's templates, with the head of the page's own documents."""

    def __init__(self, gradios: BaseLoader) -> None:
        self.gradios = gradios

    def get_source(self, environment: Environment, template: str) -> tuple[str, str | None, Callable[[], bool] | None]:
        source, path, current = self.gradios.get_source(environment, template)
        return own_head(source) if template.startswith("frontend/") else source, path, current


def own_head(source: str) -> str:
    """The source of a document's template with our language, preview and first style."""
    language = "lang=\"{{ config.get('preview', {}).get('language', 'es') }}\""
    source = PREVIEW.sub("", source).replace('lang="en"', language, 1)
    return source.replace("</head>", f"{HEAD}</head>", 1).replace("<gradio-app", "{{ lab_first() }}<gradio-app", 1)


@contextmanager
def own_documents(head: str) -> Iterator[None]:
    """While the page runs, gradio's templates are given our head, which ends with `head`: styles and scripts."""
    gradios = templates.env.loader
    assert gradios is not None, "gradio loads its templates from files"
    templates.env.globals |= {"lab_head": lambda: Markup(head), "lab_first": FIRST.get}
    templates.env.loader = OwnHead(gradios)
    try:
        yield
    finally:
        templates.env.loader = gradios
