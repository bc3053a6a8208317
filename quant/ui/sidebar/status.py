"""The line on top of every tab: which model is live, how it is stored, how big it is."""

from __future__ import annotations

from markupsafe import Markup

from quant.errors import QuantError
from quant.lab import Lab
from quant.model.load import EMBEDDED, LoadedModel
from quant.model.source import DEFAULT_HUB_ID
from quant.size import SizeReport, size_report
from quant.text import Language, number, size
from quant.ui.shared import html
from quant.ui.shared.templates import macros
from quant.ui.sidebar import texts as t
from quant.ui.sidebar.choice import Choice

LINE = "sidebar/status.html.j2"


def status_line(lab: Lab, language: Language, choice: Choice) -> Markup:
    """The line for `choice`, or what is wrong with it."""
    try:
        loaded = lab.loaded(choice.model)
        report = size_report(loaded, choice.recipe())
    except QuantError as error:
        return macros(LINE).wrong(html.problem(error, language))
    title, about = _model(loaded, language)
    ratio = number(report.float_bytes / report.stored_bytes, language, 3)
    return macros(LINE).line(
        title, about, _bits(report, choice, language),
        t.STATUS_BEFORE.format(size=size(report.float_bytes, language))[language], size(report.stored_bytes, language),
        t.STATUS_RATIO.format(ratio=ratio)[language], html.badge("packed", language),
    )  # fmt: skip


def _model(loaded: LoadedModel, language: Language) -> tuple[str, list[str]]:
    """Its name, and what else there is to say of it."""
    title = {EMBEDDED: t.STATUS_EMBEDDED[language], DEFAULT_HUB_ID: DEFAULT_HUB_ID}.get(loaded.name, loaded.name)
    parameters = t.STATUS_PARAMETERS.format(millions=number(loaded.parameters / 1e6, language, 3))[language]
    if loaded.name == EMBEDDED:  # its title says where it comes from
        return title, [parameters]
    origin = loaded.origin[language] + (f" · {loaded.revision}" if loaded.revision else "")
    return title, [parameters, origin, *(note[language] for note in loaded.notes)]


def _bits(report: SizeReport, choice: Choice, language: Language) -> str:
    bits = number(report.quantized_bits_per_weight, language, 3)
    whole = number(report.bits_per_weight, language, 3)
    name = f" · {choice.arithmetic}" if choice.rounds_activations else ""
    return t.STATUS_BITS.format(bits=bits, whole=whole)[language] + name
