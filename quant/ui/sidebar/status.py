"""The line on top of every tab: which model is live, how it is stored, how big it is."""

from __future__ import annotations

from html import escape

from quant.errors import QuantError
from quant.lab import Lab
from quant.model.load import DEFAULT_HUB_ID, EMBEDDED, LoadedModel
from quant.size import SizeReport, size_report
from quant.text import Language, number, size
from quant.ui.shared import html
from quant.ui.sidebar import texts as t
from quant.ui.sidebar.choice import Choice


def status_line(lab: Lab, language: Language, choice: Choice) -> str:
    """The line for `choice`, or what is wrong with it."""
    try:
        loaded = lab.loaded(choice.model)
        report = size_report(loaded, choice.recipe())
    except QuantError as error:
        return f'<div class="lab-status">{html.problem(error, language)}</div>'
    return f'<div class="lab-status" role="status">{_model(loaded, language)}{_sizes(report, choice, language)}</div>'


def _model(loaded: LoadedModel, language: Language) -> str:
    title = {EMBEDDED: t.STATUS_EMBEDDED[language], DEFAULT_HUB_ID: DEFAULT_HUB_ID}.get(loaded.name, loaded.name)
    parameters = t.STATUS_PARAMETERS.format(millions=number(loaded.parameters / 1e6, language, 3))[language]
    if loaded.name == EMBEDDED:  # its title says where it comes from
        return f"<b>{escape(title)}</b><span>{parameters}</span>"
    origin = loaded.origin[language] + (f" · {loaded.revision}" if loaded.revision else "")
    return f"<b>{escape(title)}</b><span>{parameters}</span><span>{escape(origin)}</span>"


def _sizes(report: SizeReport, choice: Choice, language: Language) -> str:
    bits = number(report.quantized_bits_per_weight, language, 3)
    whole = number(report.bits_per_weight, language, 3)
    before, after = size(report.float_bytes, language), size(report.stored_bytes, language)
    ratio = number(report.float_bytes / report.stored_bytes, language, 3)
    name = f" · {choice.arithmetic}" if choice.rounds_activations else ""
    first = t.STATUS_BEFORE.format(size=before)[language]
    return (
        f'<span class="q">{t.STATUS_BITS.format(bits=bits, whole=whole)[language]}{name}</span>'
        f'<span><span class="o">{first}</span> → <span class="q">{after}</span> '
        f"({t.STATUS_RATIO.format(ratio=ratio)[language]}) {html.badge('packed', language)}</span>"
    )
