"""The files of a report: both languages, the charts and the table of numbers, one by one or in a zip."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

from quant.report.composed import compose
from quant.report.gathered import Report
from quant.report.table import as_csv
from quant.report.written import FIGURES, as_html, as_markdown, as_svg, figure_file
from quant.text import Language, Text

LANGUAGES: tuple[Language, Language] = ("es", "en")
NAMES = Text("informe", "report")
NUMBERS = "numbers.csv"
ZIP_TIME = (2026, 1, 1, 0, 0, 0)  # the same report is the same file


@dataclass(frozen=True)
class Files:
    """What a report is handed out as, each by its name: content by path, as text."""

    content: dict[str, str]

    def html(self, language: Language) -> str:
        return self.content[f"{NAMES[language]}.html"]

    def markdown(self, language: Language) -> str:
        return self.content[f"{NAMES[language]}.md"]

    @property
    def csv(self) -> str:
        return self.content[NUMBERS]

    def write(self, folder: Path) -> None:
        """All of them in a folder, which is made."""
        for name, content in self.content.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf8")

    def zipped(self) -> bytes:
        """All of them in one file."""
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in self.content.items():
                entry = zipfile.ZipInfo(name, ZIP_TIME)
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, content.encode())
        return out.getvalue()


def files_of(report: Report) -> Files:
    """The report written in both languages."""
    document, facts = compose(report)
    content: dict[str, str] = {}
    for language in LANGUAGES:
        name = NAMES[language]
        content[f"{name}.html"] = as_html(document, facts, language)
        content[f"{name}.md"] = as_markdown(document, facts, language)
        for picture in document.pictures:
            content[FIGURES + figure_file(picture.name, language)] = as_svg(picture, facts, language)
    return Files({**content, NUMBERS: as_csv(facts)})
