"""The picture under which a link to the page is shown elsewhere: `python -m quant.bench.preview` writes both.

The ladder of bits, 1200 x 630: what the embedded model weighs at each rung, what became of it, and what it writes. All
of it is what is recorded (quant/recorded.py); a headless Chromium draws it.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from jinja2 import Environment
from playwright.sync_api import sync_playwright

from quant.plots import style
from quant.recorded import ASSETS, QUESTION, Recorded, Row, recorded
from quant.text import Language, Text, size

SIZE = {"width": 1200, "height": 630}
RUNGS, SHOWN = (8, 6, 5, 4, 3, 2), 3
BITS = Text("{bits} bits", "{bits} bits")
AT = Text("con {bits} bits escribe:", "with {bits} bits it writes:")
TITLE = Text("Laboratorio de cuantización", "Quantization lab")
COLOURS = {"INDISTINGUISHABLE": "#00694E", "SMALL": "#00694E", "NOTICEABLE": "#F2B705", "BROKEN": "#B3261E"}
PAGE = """<!doctype html><meta charset="utf-8"><style>
  body { margin: 0; width: 1200px; height: 630px; box-sizing: border-box; padding: 44px 60px; overflow: hidden;
    font: 500 27px/1.3 system-ui, sans-serif; color: #1E293B; background: #fff; border-top: 14px solid {{ original }}; }
  h1 { font-size: 50px; line-height: 1.08; letter-spacing: -.02em; margin: 0 0 22px; }
  .rung { display: grid; grid-template-columns: 110px 1fr 120px 230px; gap: 18px; align-items: center; height: 44px; }
  .bar { height: 26px; border: 2px solid #7A8494; border-radius: 5px; overflow: hidden; }
  .bar i { display: block; height: 100%; background: {{ quantized }}; }
  .said { font-weight: 700; color: #fff; border-radius: 99px; padding: 2px 16px; width: fit-content; font-size: 23px; }
  .text { margin-top: 22px; color: #56606E; max-height: 112px; overflow: hidden; } .text b { color: #1E293B; }
  footer { position: absolute; right: 60px; bottom: 26px; font-size: 23px; color: #56606E; }
</style>
<h1>{{ question }}</h1>
{% for name, share, size, colour, word in rungs %}
  <div class="rung"><b>{{ name }}</b><span class="bar"><i style="width:{{ share }}%"></i></span><span>{{ size }}</span>
  <span class="said" style="background:{{ colour }};{% if colour == '#F2B705' %}color:#1F1600{% endif %}">{{ word }}</span></div>
{% endfor %}
<p class="text">{{ at }} <b>«{{ text }}…»</b></p><footer>{{ title }}</footer>"""  # noqa: E501


def page(found: Recorded, language: Language) -> str:
    """The picture as a page of its own."""

    def rung(row: Row) -> tuple[str, float, str, str, str]:
        name, bytes_ = BITS.format(bits=row.bits)[language], row.stored_bytes
        share = 100 * bytes_ / found.float_bytes
        return name, share, size(bytes_, language), COLOURS[row.verdict], row.judged.value[language]

    rows = found.by_bits
    return Environment(autoescape=True).from_string(PAGE).render(
        question=QUESTION[language], rungs=[rung(rows[bits]) for bits in RUNGS], original=style.ORIGINAL,
        quantized=style.QUANTIZED, at=AT.format(bits=SHOWN)[language], title=TITLE[language],
        text=" ".join((found.prompt + rows[SHOWN].text.removeprefix(found.prompt)).split()[:16]),
    )  # fmt: skip


def file_of(language: Language) -> Path:
    return ASSETS / f"preview-{language}.png"


def main() -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        languages: tuple[Language, Language] = ("es", "en")
        for language in languages:
            tab = browser.new_page(viewport=SIZE)  # type: ignore[arg-type]
            tab.set_content(page(recorded(), language))
            tab.screenshot(path=file_of(language))
        browser.close()


if __name__ == "__main__":
    main()
