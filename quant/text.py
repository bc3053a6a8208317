"""A string of the page cannot exist in one language only."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal

Language = Literal["es", "en"]
NO_BREAK = "\N{NARROW NO-BREAK SPACE}"


@dataclass(frozen=True)
class Text:
    """One sentence in Spanish and English; `{name}` fields are filled by `format`."""

    es: str
    en: str

    def __getitem__(self, language: Language) -> str:
        return self.es if language == "es" else self.en

    def format(self, **fields: object) -> Text:
        """Fill the fields; numbers follow each language, a `Text` field gives its own half."""
        return Text(self.es.format(**_localize(fields, "es")), self.en.format(**_localize(fields, "en")))


def _localize(fields: dict[str, object], language: Language) -> dict[str, object]:
    def one(value: object) -> object:
        value = value[language] if isinstance(value, Text) else value
        if isinstance(value, str | PurePath):
            return str(value).encode(errors="replace").decode()  # a half character could not be sent to anybody
        return number(value, language) if isinstance(value, float) else value

    return {name: one(value) for name, value in fields.items()}


def as_typed(value: object) -> Text:
    """A value as somebody wrote it, all its digits kept; only the decimal comma is Spanish."""
    return Text(str(value).replace(".", ","), str(value))


def number(value: float, language: Language, digits: int = 4) -> str:
    """`value` with `digits` significant digits (none of an integer part lost); decimal comma in Spanish.

    What those digits say exactly is written without the zeros at its end: 4.25 bits, 16 and 448 were not rounded.
    """
    if value != value or value in (float("inf"), float("-inf")):
        return str(value).replace("inf", "∞").replace("-", "−")
    mantissa, exponent = f"{value:.{max(digits - 1, 0)}e}".split("e")
    if value != 0 and not 1e-4 <= abs(value) < 1e9:
        exact = float(f"{mantissa}e{exponent}") == value
        return _separated(_ended(mantissa, exact), language) + f" × 10{superscript(int(exponent))}"
    text = f"{value:,.{max(0, digits - 1 - int(exponent))}f}"
    return _separated(_ended(text, float(text.replace(",", "")) == value), language)


def rounded(value: float, language: Language, digits: int) -> str:
    """As `number`, but what comes near a whole number is written as one: 4.0001 bits are 4, and 7.003 MB are 7."""
    return re.sub("[,]0+$" if language == "es" else "[.]0+$", "", number(value, language, digits))


def fixed(value: float, language: Language, decimals: int) -> str:
    """`value` with `decimals` decimals; decimal comma in Spanish."""
    return _separated(f"{value:,.{decimals}f}", language)


def _ended(text: str, exact: bool) -> str:
    """Without the zeros after the point, where nothing was rounded away."""
    return text.rstrip("0").rstrip(".") if exact and "." in text else text


def _separated(text: str, language: Language) -> str:
    """Decimal comma and the thousands' thin space in Spanish, which leaves it out of numbers of four digits."""
    text = text.replace("-", "−")
    if language == "en":
        return text
    whole = text.partition(".")[0].lstrip("−")
    return text.replace(",", "" if len(whole) <= len("9,999") else NO_BREAK).replace(".", ",")


def listed(names: Sequence[str], last: str) -> str:
    """`a, b y c`: `last` stands between the last two."""
    return last.join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def short_title(title: Text) -> Text:
    """A title without what explains it: `GPTQ` of `GPTQ: columns make up for columns`."""
    return Text(title.es.partition(":")[0], title.en.partition(":")[0])


def superscript(exponent: int) -> str:
    """An exponent as small raised figures."""
    return str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def size(n_bytes: float, language: Language) -> str:
    """Bytes in kB or MB (powers of ten, as file managers and the Hub show them), three significant digits at most."""
    unit, factor = ("MB", 1e6) if n_bytes >= 1e6 else ("kB", 1e3) if n_bytes >= 1e3 else ("B", 1)
    return rounded(n_bytes / factor, language, 3) + NO_BREAK + unit
