"""Texto, below the two columns: the quantized model drafts and the original corrects, token by token in colour."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import gradio as gr
from markupsafe import Markup, escape

from quant.errors import PromptError
from quant.generation import Sampling, Step, encode_prompt, first_difference, stream
from quant.lab import Lab
from quant.model.load import LoadedModel
from quant.speculate import DRAFTED, Round, acceptance, agreement, speculate
from quant.text import Language, as_typed, fixed, number
from quant.ui.shared import html
from quant.ui.shared import texts as shared_texts
from quant.ui.shared.action import Action, quantizing
from quant.ui.shared.frames import Frame, Values, components, read
from quant.ui.shared.templates import macros
from quant.ui.sidebar.choice import Choice
from quant.ui.tabs.base import Place, Run
from quant.ui.tabs.text import speculate_texts as t
from quant.ui.tabs.text.sampling import Settings, given
from quant.ui.tabs.text.tokens import LINE_END, percent, split_spaces, visible
from quant.ui.tabs.text.write import WriteForm

MOST_DRAFTED = 7  # with the token before them, as many as the compiled kernels read at once
REDRAW_S = 0.06
MARKED = "tabs/text/speculate.html.j2"
ALIKE = 1.05  # speeds whose ratio is below this are not told apart
UNFINISHED = "\ufffd"  # what a token decodes to that holds a part of a character


@dataclass(frozen=True)
class Asked:
    choice: Choice
    prompt: str
    drafted: float | None
    settings: Settings


@dataclass(frozen=True)
class Draft:
    """What was asked for, once read: greedy whatever the settings say, which `note` tells."""

    choice: Choice
    prompt: str
    drafted: int
    sampling: Sampling
    note: Markup


@dataclass(frozen=True)
class Outputs:
    said: gr.HTML


# ---- the text


class Marked:
    """The text as markup, grown round by round: accepted in <span>, the original's own in <ins>, thrown away in <del>.

    A character that takes several tokens is one piece, the original's if it wrote any of them.
    """

    def __init__(self, loaded: LoadedModel, prompt: Sequence[int], language: Language) -> None:
        self._tokenizer, self._language = loaded.tokenizer, language
        self._end = loaded.tokenizer.eos_token_id
        self._before = list(prompt)  # whole characters, that the next ones are decoded after
        self._open: list[tuple[int, str]] = []  # tokens of a character that is not whole yet
        self.markup: Markup = macros(MARKED).prompt(loaded.tokenizer.decode(self._before, skip_special_tokens=True))

    def add(self, r: Round) -> None:
        for token in r.drafted[: r.accepted]:
            self._token(token, "span")
        if thrown := r.drafted[r.accepted :]:
            self.markup += self._thrown(self._piece(thrown))
        if r.own is not None:
            self._token(r.own, "ins")

    def _token(self, token: int, tag: str) -> None:
        self._open.append((token, tag))
        ids = [i for i, _ in self._open]
        piece = self._piece(ids)
        if not piece.endswith(UNFINISHED) or len(ids) > 4:  # no character has more bytes
            self.markup += self._element("ins" if "ins" in [kind for _, kind in self._open] else "span", piece)
            self._before, self._open = ids, []

    def _piece(self, ids: Sequence[int]) -> str:
        """What these tokens write after those before them; the end token has a word of the page's."""
        ends = ids[-1] == self._end
        text = self._decode([*self._before, *ids[: len(ids) - ends]])[len(self._decode(self._before)) :]
        return text + (f" {t.SPECULATE_END[self._language]}" if ends else "")

    def _decode(self, ids: Sequence[int]) -> str:
        return str(self._tokenizer.decode(list(ids), clean_up_tokenization_spaces=False))

    def _element(self, tag: str, piece: str) -> Markup:
        space, word = split_spaces(piece)
        return macros(MARKED).piece(tag, space, escape(word).replace("\n", LINE_END))

    def _thrown(self, piece: str) -> Markup:
        """It takes no place of its own: neither a space before it nor a new line."""
        return macros(MARKED).thrown(escape(piece.strip(" ") or visible(piece)).replace("\n", LINE_END.rstrip()))


def _text(marked: Marked, done: bool, language: Language) -> Markup:
    kinds = (("span", t.SPECULATE_ACCEPTED), ("ins", t.SPECULATE_OWN), ("del", t.SPECULATE_REJECTED))
    legend = [(tag, words[language]) for tag, words in kinds]
    return macros(MARKED).text(t.SPECULATE_REGION[language], marked.markup, done, legend, t.SPECULATE_SEE[language])


# ---- the words


def _share(part: float, language: Language) -> str:
    return percent(part, language) if part else f"0{html.percent_sign(language)}"


def _hits(rounds: Sequence[Round], language: Language) -> dict[str, str]:
    drafted, accepted = sum(len(r.drafted) for r in rounds), sum(r.accepted for r in rounds)
    share = _share(acceptance(rounds), language)
    return {"share": share, "accepted": fixed(accepted, language, 0), "drafted": fixed(drafted, language, 0)}


def _compared(ratio: float, language: Language) -> str:
    """The speed over the original's, in words."""
    if 1 / ALIKE < ratio < ALIKE:
        return t.SPECULATE_EVEN[language]
    words, factor = (t.SPECULATE_FASTER, ratio) if ratio > 1 else (t.SPECULATE_SLOWER, 1 / ratio)
    return words.format(factor=fixed(factor, language, 1 if factor >= 1.1 else 2))[language]


def verdict(alone: Step, rounds: Sequence[Round], language: Language) -> str:
    """How often the draft was right, what that did to the speed, and whether the text is the original's."""
    last, ratio = rounds[-1], rounds[-1].tokens_per_s / alone.tokens_per_s
    if not any(r.drafted for r in rounds):
        return t.SPECULATE_NO_DRAFT[language]
    hits, compared = _hits(rounds, language), _compared(ratio, language)
    said = t.SPECULATE_HITS.format(**hits, compared=compared)
    same = t.SPECULATE_SAME
    if alone.ids != last.ids:
        part = first_difference(alone.ids, last.ids)
        at = min(len(alone.ids), len(last.ids)) if part is None else part
        same = t.SPECULATE_DIFFERS.format(n=at - last.prompt_tokens + 1, tied=last.tied)
    return f"{said[language]} {same[language]}"


def result(alone: Step, rounds: Sequence[Round], marked: Marked, language: Language) -> Markup:
    """The whole: words, how it was measured, the text, and what a beginner does not need folded."""
    last = rounds[-1]
    share = _share(last.draft_seconds / last.seconds, language)
    slower = last.tokens_per_s * ALIKE <= alone.tokens_per_s
    why = " " + t.SPECULATE_WHY_SLOWER.format(share=share)[language] if slower and last.draft_seconds else ""
    how = macros(MARKED).how(html.badge("measured", language), t.SPECULATE_MEASURED[language] + why)
    drafted = any(r.drafted for r in rounds)
    return (
        html.verdict(verdict(alone, rounds, language))
        + (how if drafted else html.NOTHING)
        + _text(marked, True, language)
        + (_details(rounds, share, language) if drafted else html.NOTHING)
    )


def _details(rounds: Sequence[Round], share: str, language: Language) -> Markup:
    last = rounds[-1]
    judged = {"accepted": sum(r.accepted for r in rounds), "judged": sum(r.judged for r in rounds)}
    passes = {"tokens": last.new_tokens, "rounds": len(rounds)}
    rows = [
        (t.SPECULATE_AGREEMENT, _share(agreement(rounds), language), t.SPECULATE_AGREEMENT_HINT.format(**judged)),
        (t.SPECULATE_PER_PASS, number(last.new_tokens / len(rounds), language, 3),
         t.SPECULATE_PER_PASS_HINT.format(**passes)),
        (t.SPECULATE_SHARE, share, t.SPECULATE_SHARE_HINT),
        (t.SPECULATE_TIED, fixed(last.tied, language, 0), t.SPECULATE_TIED_HINT),
    ]  # fmt: skip
    cards = html.cards([(name[language], value, hint[language]) for name, value, hint in rows])
    return html.folded(t.SPECULATE_DETAILS[language], cards)


# ---- the section


def drafting(lab: Lab, language: Language) -> Action[Asked, Draft, Frame]:
    """The quantized model drafts and the original corrects."""
    return Action(lab, language, lambda asked: checked(lab, language, asked),
                  lambda draft: noted(draft, draft_and_correct(lab, language, draft)), Frame)  # fmt: skip


def checked(lab: Lab, language: Language, asked: Asked) -> Draft:
    """Raises PromptError for what cannot be drafted."""
    sampling = asked.settings.sampling()
    n = given(t.SPECULATE_DRAFTED[language], asked.drafted)
    if not isinstance(n, int) or not 1 <= n <= MOST_DRAFTED:
        raise PromptError(t.SPECULATE_BAD_DRAFTED.format(got=as_typed(n), most=MOST_DRAFTED))
    encode_prompt(lab.loaded(asked.choice.model), asked.prompt, sampling.max_length)
    note = html.notice(t.SPECULATE_GREEDY[language], "note") if sampling.do_sample else html.NOTHING
    return Draft(asked.choice, asked.prompt, n, replace(sampling, do_sample=False), note)


def noted(draft: Draft, frames: Iterator[Frame]) -> Iterator[Frame]:
    """The frames under the note."""
    return (Frame(draft.note + shown.said) for shown in frames)


def draft_and_correct(lab: Lab, language: Language, draft: Draft) -> Iterator[Frame]:
    """Progress of the original alone, then the rounds as they come, then the whole."""
    choice, prompt, sampling, drafted = draft.choice, draft.prompt, draft.sampling, draft.drafted
    original = lab.loaded(choice.model)
    quantized = yield from quantizing(lab, language, choice.recipe(), Frame)
    next(speculate(original, quantized, prompt, sampling, drafted))  # the first use of anything is slow
    room, shown = min(sampling.max_length, original.context), time.monotonic()
    for alone in stream(original, prompt, sampling):
        if time.monotonic() - shown >= REDRAW_S:
            shown = time.monotonic()
            yield Frame(html.progress(t.SPECULATE_ALONE, len(alone.ids) / room, language))
    marked, rounds, shown = Marked(original, alone.ids[: alone.prompt_tokens], language), [], 0.0
    for r in speculate(original, quantized, prompt, sampling, drafted):
        rounds.append(r)
        marked.add(r)
        if time.monotonic() - shown >= REDRAW_S and r.drafted and not r.done:
            shown = time.monotonic()
            said = t.SPECULATE_SO_FAR.format(**_hits(rounds, language))[language]
            yield Frame(html.verdict(said) + _text(marked, False, language))
    whole = result(alone, rounds, marked, language) + html.caption(choice.describe()[language])
    yield Frame(html.belongs(choice.query(), whole, language))


def build_speculate(place: Place, form: WriteForm) -> Run:
    language = place.language
    gr.Markdown(t.SPECULATE_INTRO[language], elem_classes="lab-prose")
    drafted = gr.Slider(
        1, MOST_DRAFTED, DRAFTED, step=1, label=t.SPECULATE_DRAFTED[language], info=t.SPECULATE_DRAFTED_INFO[language],
        elem_id=f"drafted-{language}",
    )  # fmt: skip
    with gr.Row():
        button = gr.Button(
            t.SPECULATE_RUN[language], variant="primary", scale=0, min_width=240, elem_id=f"speculate-{language}"
        )
        stop = gr.Button(shared_texts.STOP[language], scale=0, min_width=110, elem_id=f"speculate-stop-{language}")
    output = gr.HTML(html.notice(t.SPECULATE_EMPTY[language], "note"), elem_id=f"speculated-{language}")

    def asks(choice: Choice, values: Values) -> Asked:
        return Asked(choice, values[form.prompt], values[drafted], read(Settings, form.settings, values))

    inputs = (form.prompt, drafted, *components(form.settings))
    return Run(drafting(place.lab, language), asks, (button.click,), inputs, Outputs(output), stop)
