"""What of a text is marked as changed."""

from __future__ import annotations

import itertools

from quant.changes import changed_spans, same_characters


def marked(original: str, text: str) -> list[str]:
    return [text[start:end] for start, end in changed_spans(original, text)]


def test_only_what_is_not_in_the_original_at_its_place_is_marked() -> None:
    cases = {
        ("a b c d", "a b c d"): [],
        ("a b c d", "a b x y c d"): ["x y"],
        ("a b c d", "x y z"): ["x y z"],
        ("a b c d e", "b c x d e"): ["x"],  # what is missing cannot be marked; what came instead is
        ("", "x y"): ["x y"],
        ("a b", ""): [],
        ("a", "a"): [],
        (" es una  onda\ny", " es una onda y"): [],  # the spaces between words are nobody's change
    }
    wrong = {case: marked(*case) for case, expected in cases.items() if marked(*case) != expected}
    assert wrong == {}


def test_a_single_word_in_common_is_chance() -> None:
    assert marked("la luz de la casa", "de lagunbde mep la mara de") == ["de lagunbde mep la mara de"]


def test_spans_begin_and_end_at_letters_and_never_meet() -> None:
    text = " uno dos tres cuatro cinco seis siete"
    spans = changed_spans("uno dos siete ocho tres cuatro", text)
    assert all(text[start:end] == text[start:end].strip() != "" for start, end in spans)
    assert all(a[1] < b[0] for a, b in itertools.pairwise(spans))


def test_same_characters_counts_from_the_start() -> None:
    pairs = (("abc", "abd"), ("abc", "abc"), ("abc", "ab"), ("", "x"))
    assert [same_characters(*pair) for pair in pairs] == [2, 3, 2, 0]
