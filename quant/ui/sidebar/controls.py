"""The drawer of the recipe: the one recipe that every tab shows, laid out from the table of its fields."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.blocks import Block
from gradio.components import Component

from quant.errors import QuantError, SchemeError
from quant.lab import Lab
from quant.model.fetch import fetch
from quant.model.source import DEFAULT_HUB_ID
from quant.text import Language, size
from quant.ui.shared import html
from quant.ui.shared.frames import Updates, Values
from quant.ui.shared.glossary import marked
from quant.ui.shared.templates import macros
from quant.ui.sidebar import texts as t
from quant.ui.sidebar.choice import Choice
from quant.ui.sidebar.fields import CACHE, FIELDS, INPUTS, METHOD, SECTIONS, model_titles
from quant.ui.sidebar.formats import families, family, family_of
from quant.ui.sidebar.kinds import Field, OneOf, Slide, Unseen, always
from quant.ui.sidebar.knobs import sliders, written_knobs
from quant.ui.sidebar.mixed import APART
from quant.ui.sidebar.status import LINE, about, about_more, about_table
from quant.ui.sidebar.together import has_activations, owners

# The address follows the controls in the browser itself, so that a link can be copied at any moment.
NAMES = json.dumps([field.name for field in FIELDS])
USUAL = json.dumps({field.name: field.default for field in FIELDS if field.quiet})
BESIDE = json.dumps([field.name for field in FIELDS if not field.of_recipe])
MOVED_JS = f"(...values) => window.labMoved({NAMES}, values, {USUAL}, {BESIDE})"
# The first format of the family that was chosen, asked for as any link of the page asks for a recipe.
FIRST_OF = json.dumps({name: family(name)[0] for name in families()})
FAMILY_JS = f"(family) => window.labAsk({{recipe: 'format=' + {FIRST_OF}[family]}})"
GONE_JS = "() => ''"
COPY_JS = """async () => {{
  const button = document.querySelector("#copy-{language}");
  try {{ await navigator.clipboard.writeText(window.location.href); }}
  catch {{ window.prompt({label}, window.location.href); return; }}
  button.textContent = {done};
  setTimeout(() => {{ button.textContent = {label}; }}, 1500);
}}"""


TITLES = {METHOD: t.METHOD_SECTION, INPUTS: t.ACTIVATIONS, CACHE: t.CACHE_SECTION}
INTROS = {METHOD: t.METHOD_INTRO, INPUTS: t.ACTIVATIONS_INTRO, CACHE: t.CACHE_INTRO}


@dataclass(frozen=True)
class Controls:
    """The components of the sidebar, by the names of their fields and in the order of the table.

    turned: the sliders of the knobs, which are no components; sections: what is folded, by its name.
    """

    lab: Lab
    language: Language
    by_name: Mapping[str, Component]
    family: gr.Radio
    table_note: gr.HTML
    about: gr.HTML
    more: gr.HTML
    turned: gr.HTML
    sections: Mapping[str, gr.Accordion]

    @property
    def inputs(self) -> list[Component]:
        return [self.by_name[field.name] for field in FIELDS]

    @property
    def model(self) -> Component:
        return self.by_name["model"]

    def choice(self, values: Values) -> Choice:
        """What the sidebar holds, of the values that a listener was given."""
        return Choice(**{name: values[component] for name, component in self.by_name.items()})

    def show(self, choice: Choice) -> Updates:
        """What makes the sidebar show `choice`, unfolded where it is not as it comes."""
        shown: Updates = {}
        for field in FIELDS:
            looks = self._looks(field, choice)
            if isinstance(field.kind, OneOf) and not field.kind.values:
                looks["choices"] = field.kind.titles(self.lab, self.language)
            shown[self.by_name[field.name]] = gr.update(**{"value": getattr(choice, field.name)} | looks)
        opened = {f.section for f in FIELDS if f.section and getattr(choice, f.name) != f.default}
        return (
            shown
            | self._sections(choice, opened)
            | {self.family: family_of(choice.format), self.turned: self._knobs(choice)}
        )

    @property
    def shown(self) -> list[Block]:
        """All that `show` may fill."""
        return [*self.inputs, self.family, self.turned, *self.sections.values()]

    @property
    def fitted(self) -> list[Block]:
        """All that `fit` may fill."""
        moving = [self.by_name[f.name] for f in FIELDS if f.visible is not always or f.decides]
        return [*moving, self.by_name["knobs"], self.turned, *self.sections.values()]

    def offer_models(self) -> None:
        """Let whoever comes from now on choose among the models that are here now."""
        self.model.choices = model_titles(self.lab, self.language)  # type: ignore[attr-defined]

    def beside(self, choice: Choice) -> Updates:
        """What the drawer says of the live model beside its controls."""
        return {
            self.about: about(self.lab, self.language, choice),
            self.table_note: about_table(self.lab, self.language, choice),
            self.more: about_more(self.language, choice),
        }

    def fit(self, choice: Choice) -> Updates:
        """Show what `choice` leaves to choose; values stay as they are, for they may have moved meanwhile.

        But a method that no longer fits gives way, and so do knobs that nothing has any more.
        """
        fitting = {self.by_name[f.name]: gr.update(**looks) for f in FIELDS if (looks := self._looks(f, choice))}
        kept = _kept_knobs(choice)
        knobs: Updates = {} if kept == choice.knobs else {self.by_name["knobs"]: kept}
        return fitting | knobs | self._sections(choice, set()) | {self.turned: self._knobs(choice)}

    def _knobs(self, choice: Choice) -> str:
        try:
            return sliders(owners(choice), choice.turned, self.language)
        except SchemeError:
            return sliders(owners(choice), {}, self.language)

    def _sections(self, choice: Choice, opened: set[str]) -> Updates:
        """Those of `opened` unfolded; that of the activations is there where the format lets them be rounded."""
        looks: dict[str, dict[str, Any]] = {name: {"open": True} for name in opened}
        looks.setdefault(INPUTS, {})["visible"] = has_activations(choice)
        return {section: gr.update(**looks[name]) for name, section in self.sections.items() if name in looks}

    def _looks(self, field: Field, choice: Choice) -> dict[str, Any]:
        looks: dict[str, Any] = {} if field.visible is always else {"visible": field.visible(choice)}
        value = getattr(choice, field.name)
        if field.fitting and isinstance(field.kind, OneOf):
            allowed = tuple(field.fitting(choice))
            titles = field.kind.titles(self.lab, self.language)
            looks["choices"] = [title for title in titles if title[1] in allowed]
            if value not in allowed:
                value = looks["value"] = field.default
        if field.decides and field.info:
            looks["info"] = field.info(value)[self.language]
        return looks


def build_controls(lab: Lab, language: Language) -> Controls:
    """Lay the drawer out and wire what belongs to it alone."""
    start, made = Choice(lab.default()), dict[str, Component]()
    drawer = macros(LINE)
    gr.HTML(drawer.head(t.RECIPE[language], t.CLOSE[language], t.CLAMPED[language]))
    said = gr.HTML(about(lab, language, start))
    more = gr.HTML(elem_id=f"trained-{language}")
    note, chosen = gr.HTML(render=False), _family(start, language)
    for field in _of_section(""):
        if field.name == "format":
            chosen.render()
        made[field.name] = _control(field, start, lab, language)
        if field.name == "bits":
            gr.HTML(drawer.clamped())
        if field.name == "table":
            note.render()
    turned = gr.HTML(render=False)
    sections = {name: _section(name, made, turned, start, lab, language) for name in SECTIONS}
    by_name = {field.name: made[field.name] for field in FIELDS}
    controls = Controls(lab, language, by_name, chosen, note, said, more, turned, sections)
    _build_fetch(lab, language, controls)
    with gr.Accordion(t.GRID_HELP_LABEL[language], open=False):
        gr.Markdown(t.GRID_HELP[language])
    _build_copy(language)
    _wire(controls)
    return controls


def _of_section(name: str) -> list[Field]:
    return sorted((field for field in FIELDS if field.section == name), key=lambda field: field.row)


def _section(name: str, made: dict[str, Component], turned: gr.HTML, start: Choice, lab: Lab, language: Language
             ) -> gr.Accordion:  # fmt: skip
    """A folded part of the drawer: what it is about, and its controls, which go to `made`."""
    with gr.Accordion(TITLES[name][language], open=False, elem_classes="lab-section") as section:
        gr.HTML(macros(LINE).intro(marked(INTROS[name][language], language)))
        for field in _of_section(name):
            made[field.name] = _control(field, start, lab, language)
            if field.name == "method":
                turned.render()
    return section


def _kept_knobs(choice: Choice) -> str:
    """The knobs as the drawer writes them: those that the method and the steps have, and that differ."""
    try:
        return written_knobs(choice.turned)
    except SchemeError:
        return ""


def _family(start: Choice, language: Language) -> gr.Radio:
    titles = [(title[language], name) for name, title in t.FAMILIES.items() if name in families()]
    return gr.Radio(titles, value=family_of(start.format), label=t.FAMILY[language], render=False)


def _control(field: Field, start: Choice, lab: Lab, language: Language) -> Component:
    """The component of a field, as its kind asks for."""
    value, kind = getattr(start, field.name), field.kind
    said: dict[str, Any] = {"label": field.label[language], "visible": field.visible(start)}
    if field.info:
        said["info"] = field.info(value)[language]
    if isinstance(kind, Unseen):  # in the page all the same, for page.js writes it
        return gr.Textbox(value, elem_id=f"{field.name}-{language}", elem_classes="lab-hidden", **said)
    if isinstance(kind, Slide):
        place = f"{field.name}-{language}"
        return gr.Slider(kind.low, kind.high, value=value, step=1, elem_id=place, buttons=[], **said)
    if isinstance(kind, OneOf):
        titles = kind.titles(lab, language)
        if kind.listed:
            return gr.Dropdown(titles, value=value, filterable=False, **said)
        return gr.Radio(titles, value=value, elem_classes="lab-stacked" if kind.stacked else None, **said)
    return gr.Checkbox(value, **said)


def _wire(controls: Controls) -> None:
    deciding = [controls.by_name[field.name].input for field in FIELDS if field.decides]

    def fit(values: Values) -> Updates:
        return controls.fit(controls.choice(values))

    gr.on(
        deciding, fit, set(controls.inputs), controls.fitted, trigger_mode="always_last", show_progress="hidden",
        queue=False, api_visibility="private",
    ).then(None, controls.inputs, None, js=MOVED_JS, api_visibility="private")  # fmt: skip
    moved = [component.input for component in controls.inputs]
    gr.on(moved, None, controls.inputs, None, js=MOVED_JS, api_visibility="private")
    # A training is of the recipe that was trained, a mix of the rule that it stands before: already where that moves
    # they do not count; here they go.
    of_recipe = [field.name for field in FIELDS if field.of_recipe]
    for name, others in (("training", {*of_recipe} - {"training"}), ("mix", {*of_recipe} - APART)):
        triggers = [controls.by_name[other].input for other in of_recipe if other in others]
        gr.on(triggers, None, None, controls.by_name[name], js=GONE_JS, api_visibility="private").then(
            None, controls.inputs, None, js=MOVED_JS, api_visibility="private"
        )
    controls.family.input(None, controls.family, None, js=FAMILY_JS, api_visibility="private")


def _build_copy(language: Language) -> None:
    copy = gr.Button(t.COPY_LINK[language], size="sm", elem_id=f"copy-{language}")
    said = {"label": json.dumps(t.COPY_LINK[language]), "done": json.dumps(t.COPIED[language])}
    copy.click(None, js=COPY_JS.format(language=language, **said), api_visibility="private")


def _build_fetch(lab: Lab, language: Language, controls: Controls) -> None:
    missing = DEFAULT_HUB_ID not in lab.names()
    message = gr.HTML()  # above the button, where it is seen however short the window
    button = gr.Button(t.FETCH[language], size="sm", visible=missing)

    def download() -> Iterator[Updates]:
        yield {message: html.progress(t.FETCHING, 0.0, language)}
        try:
            for step in fetch(DEFAULT_HUB_ID):
                total = step.so_far.total if step.so_far else 0
                bar = html.progress(t.FETCHING, step.fraction, language)
                yield {message: bar + html.small(size(total, language))}
            lab.loaded(DEFAULT_HUB_ID)  # here, so that the first visitor who chooses it does not hold the sliders up
        except QuantError as error:
            yield {message: html.problem(error, language)}
        else:
            controls.offer_models()
            yield {
                controls.model: gr.update(choices=model_titles(lab, language)),
                button: gr.update(visible=False),
                message: html.notice(t.FETCHED[language], "note"),
            }

    button.click(
        download, None, [controls.model, button, message], show_progress="hidden",
        concurrency_id="download", concurrency_limit=1, api_visibility="private",
    )  # fmt: skip
