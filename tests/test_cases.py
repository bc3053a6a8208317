"""The helper that runs many cases in one test runs them all, says which fail, and never passes for lack of cases."""

from __future__ import annotations

import pytest
from cases import each

SEEN: list[tuple[str, int]] = []


@each("word", ["a", "b"])
@each("number, double", [(1, 2), (2, 4), (3, 6)])
def test_every_combination_is_run(word: str, number: int, double: int) -> None:
    SEEN.append((word, number))
    assert double == 2 * number
    assert len(SEEN) == len(set(SEEN))


def test_the_combinations_were_six() -> None:
    SEEN.clear()
    test_every_combination_is_run()  # type: ignore[call-arg]
    assert sorted(SEEN) == [(word, number) for word in "ab" for number in (1, 2, 3)]


def test_all_that_fail_are_named_and_the_rest_still_run() -> None:
    ran = []

    @each("x", [1, 2, 3, 4, 5])
    def check(x: int) -> None:
        ran.append(x)
        if x == 4:
            with pytest.raises(ValueError, match="never"):
                pass
        assert x != 2, "two is too many"

    with pytest.raises(AssertionError) as caught:
        check()
    assert ran == [1, 2, 3, 4, 5]
    first, two, four = str(caught.value).splitlines()
    assert first == "2 of 5 cases fail:"
    assert two.startswith("  x=2: AssertionError: two is too many")
    assert four.startswith("  x=4: Failed: DID NOT RAISE")
    assert "two is too many" in str(caught.value.__cause__)


def test_no_cases_are_no_test() -> None:
    with pytest.raises(ValueError, match="no values of x"):
        each("x", [])


def test_only_the_first_case_may_skip() -> None:
    @each("x", [1, 2])
    def check(x: int, skipped: int) -> None:
        if x == skipped:
            pytest.skip("not here")

    with pytest.raises(pytest.skip.Exception):
        check(skipped=1)
    with pytest.raises(AssertionError, match="1 of 2 cases fail"):
        check(skipped=2)


PLACE = {"kept": 1}


@each("value", [2, 3])
def test_what_a_case_patches_is_undone_after_it(value: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert PLACE == {"kept": 1}
    monkeypatch.setitem(PLACE, "kept", value)
