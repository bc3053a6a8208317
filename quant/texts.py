"""The texts that ship with the project, and what a visitor pastes: documents to score or to calibrate on."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from pathlib import Path
from random import Random

from quant.arguments import check_fields
from quant.errors import EvaluationError
from quant.text import Text, fixed

FOLDER = Path(__file__).resolve().parent / "assets" / "texts"


ENOUGH_DOCUMENTS = 12
SHOWN = 24  # characters of a pasted text in its title
LARGEST_BYTES = 200_000  # of a pasted text: a minute or so on two cores


@dataclass(frozen=True)
class EvalText:
    """A fixed text in its documents, each of which is read on its own. `title` is what the page calls it.

    >>> from quant import EvalText, own_text
    >>> two = EvalText("mine", own_text("Uno. Dos.").title, ("Érase una vez.", "Fin."))
    >>> two.n_bytes, len(two.documents)
    (19, 2)
    """

    name: str
    title: Text
    documents: tuple[str, ...]

    def __post_init__(self) -> None:
        check_fields(self, EvaluationError)

    @property
    def n_bytes(self) -> int:
        """UTF-8 bytes of all documents, separators not counted."""
        return sum(len(d.encode()) for d in self.documents)

    def part(self, n_bytes: int) -> EvalText:
        """About `n_bytes` of the text from at least ENOUGH_DOCUMENTS of its documents, where it has so many.

        Entire documents from the start where that gives enough of them; else the beginning of every document, cut at a
        space. Intervals need documents: those say how much texts differ. A single document is not cut.
        """
        head = self.head(n_bytes)
        if len(head.documents) >= min(ENOUGH_DOCUMENTS, len(self.documents)):
            return head
        each = n_bytes // len(self.documents)
        return EvalText(self.name, self.title, tuple(_beginning(d, each) for d in self.documents))

    def head(self, n_bytes: int) -> EvalText:
        """Entire documents from the start, the last one included reaching at least `n_bytes`."""
        chosen, total = [], 0
        for document in self.documents:
            chosen.append(document)
            total += len(document.encode())
            if total >= n_bytes:
                break
        return EvalText(self.name, self.title, tuple(chosen))


def _is_text(content: str) -> bool:
    """No half characters, no control codes but those that lay text out: what a binary file pasted as text has."""
    return not any(unicodedata.category(c) in ("Cs", "Cc") and c not in "\t\n\r\f" for c in content)


def _beginning(document: str, n_bytes: int) -> str:
    """At most `n_bytes` of a document, up to a space where there is one; at least its first character."""
    data = document.encode()
    if len(data) <= n_bytes:
        return document
    cut = data[:n_bytes].decode(errors="ignore") or document[0]
    return cut.rpartition(" ")[0] or cut


# Never measured on: the calibration text in its own order (PROVENANCE.md), drawn from all its documents, or some of
# it, part of what the embedded model was trained on, what a model writes when it is asked for nothing, and tokens drawn
# at random.
CALIBRATION_TITLES: dict[str, Text] = {
    "calibration": Text("Artículos de enciclopedia (el incluido)", "Encyclopedia articles (the included text)"),
    "mixture": Text("Una mezcla de todo lo incluido", "A mixture of all that is included"),
    "novels": Text("Novelas y cuentos", "Novels and tales"),
    "sentences": Text("Frases sueltas", "Single sentences"),
    "training_sample": Text("Muestra del entrenamiento", "Sample of the training texts"),
    "model": Text("Lo que escribe el propio modelo", "What the model itself writes"),
    "random": Text("Tokens al azar", "Random tokens"),
}
# All of the shipped documents that nothing is measured on, in an order drawn once: what a longer training reads.
EVERYTHING = "everything"
CALIBRATION_TEXTS = tuple(CALIBRATION_TITLES)
DRAWN = ("model", "random")  # made for each model, not read
# Documents of calibration.txt by where they come from (PROVENANCE.md): first and last + 1.
PARTS = {"novels": (247, 266), "sentences": (266, None)}
TITLES: dict[str, Text] = {
    "enciclopedia": Text("Enciclopedia: 48 artículos (XQuAD en español)", "Encyclopedia: 48 articles (Spanish XQuAD)"),
    "literatura": Text(
        "Literatura: «El último contrabandista», Carmen de Burgos, 1918",
        "Literature: “El último contrabandista”, Carmen de Burgos, 1918",
    ),
}


def shipped_text(name: str) -> EvalText:
    """An evaluation text by name. Raises EvaluationError for an unknown one."""
    if name not in TITLES:
        raise EvaluationError(
            Text("No hay un texto «{name}»; los incluidos son: {allowed}.",
                 "There is no text “{name}”; the shipped ones are: {allowed}.")
            .format(name=name, allowed=", ".join(TITLES))
        )  # fmt: skip
    return EvalText(name, TITLES[name], _documents(name))


def text_of(text: EvalText | str) -> EvalText:
    """A text to score: as it is, a shipped one by name, or one that was typed, of two words or more.

    Raises EvaluationError for a single word that no shipped text is called, and for what `own_text` refuses.
    """
    if isinstance(text, EvalText):
        return text
    return own_text(text) if text not in TITLES and len(text.split()) > 1 else shipped_text(text)


def calibration_text(name: str) -> tuple[str, ...]:
    """The documents of a shipped calibration text, one of CALIBRATION_TEXTS but for DRAWN.

    The calibration text begins with encyclopedia articles: 33,000 tokens of the embedded model's. Of the mixture the
    documents come in an order drawn once, so that its first tokens are a sample of all of it.
    """
    assert name in (*CALIBRATION_TEXTS, EVERYTHING)
    assert name not in DRAWN
    if name in PARTS:
        return _documents("calibration")[slice(*PARTS[name])]
    if name not in ("mixture", EVERYTHING):
        return _documents(name)
    documents = list(_documents("calibration"))
    if name == EVERYTHING:
        documents += _documents("training_sample")
    Random(0).shuffle(documents)
    return tuple(documents)


def _documents(name: str) -> tuple[str, ...]:
    content = (FOLDER / f"{name}.txt").read_text(encoding="utf8")
    return tuple(d.strip() for d in content.split("\n\n") if d.strip())


def own_text(content: str) -> EvalText:
    """A text of yours, as one document of at most 200,000 bytes of UTF-8.

    Raises EvaluationError when it is empty, too long or not text.

    >>> from quant import own_text
    >>> own_text("Me gusta mucho el futbol.").n_bytes
    25
    """
    if not isinstance(content, str) or not _is_text(content):
        raise EvaluationError(
            Text("Lo que ha llegado no es texto: tiene caracteres de control o partidos en dos. Pega unas frases.",
                 "What came is not text: it has control characters or halves of characters. Paste a few sentences.")
        )  # fmt: skip
    if not content.strip():
        raise EvaluationError(
            Text("No hay ningún texto que evaluar; pega unas cuantas frases.",
                 "There is no text to score; paste a few sentences.")
        )  # fmt: skip
    if (n_bytes := len(content.encode())) > LARGEST_BYTES:
        raise EvaluationError(
            Text("El texto ocupa {got} bytes; caben {most}.", "The text takes {got} bytes; {most} fit.")
            .format(got=_counted(n_bytes), most=_counted(LARGEST_BYTES))
        )  # fmt: skip
    return EvalText("own", own_title(beginning(content)), (content.strip(),))


def _counted(n: int) -> Text:
    return Text(fixed(n, "es", 0), fixed(n, "en", 0))


def beginning(content: str) -> str:
    """The first characters of a pasted text, on one line."""
    return " ".join(content.split())[:SHOWN].rstrip()


def own_title(start: str) -> Text:
    """What the page calls a pasted text that begins so."""
    return Text(f"Tu texto: «{start}…»", f"Your text: “{start}…”")
