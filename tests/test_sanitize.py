"""The check of the C kernels by sanitizers: it runs, it sees what is wrong on purpose, and it says so."""

from __future__ import annotations

import os
from collections import Counter

import pytest

from quant.bench import kernel_cases, sanitize
from quant.bench.sanitize import Error, Found
from quant.kernels import compiled, kept, native

NAMES = {case.__name__ for case in kernel_cases.CASES}
SEEN = [
    Error(60 + i, fault.__name__, "", ["==1==ERROR: AddressSanitizer: heap-buffer-overflow"])
    for i, fault in enumerate(sanitize.FAULTS)
]


@pytest.mark.slow
def test_the_kernels_stay_within_their_memory() -> None:
    if reason := sanitize.reason_against():
        pytest.skip(reason.en)
    found = sanitize.summary(sanitize.checked(60), 0)
    assert found["found"] == []
    assert (found["outcome"], found["cases"], found["of_them_seen"]) == ("clean", 60, len(sanitize.FAULTS))
    assert set(found["cases_of"]) == NAMES


@pytest.mark.skipif(not compiled.available(), reason="no compiler here")
def test_cases_run_here_too_and_a_number_always_makes_the_same() -> None:
    names = Counter[str]()
    for number in range(80):
        name, case = kernel_cases.case(7, number)
        again, other = kernel_cases.case(7, number)
        names[name] += 1
        assert (name, next(case)) == (again, next(other))
        assert next(case, None) is None
    assert set(names) == NAMES


def test_the_sanitized_libraries_are_kept_apart_and_built_with_their_flags() -> None:
    if sanitize.reason_against():
        pytest.skip("no sanitizers here")
    environment = sanitize.environment()
    folder = kept.private_folder()
    assert folder is not None
    assert environment["XDG_CACHE_HOME"] != os.environ["XDG_CACHE_HOME"]
    assert not folder.is_relative_to(environment["XDG_CACHE_HOME"])
    assert environment[native.MORE_FLAGS].split() == list(sanitize.FLAGS)
    assert "detect_leaks=0" in environment["ASAN_OPTIONS"]


def test_a_compiler_without_sanitizers_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "compiler", lambda: ("true",))
    reason = sanitize.reason_against()
    assert reason is not None
    assert "libasan" in reason.es
    monkeypatch.setattr(native, "compiler", lambda: None)
    reason = sanitize.reason_against()
    assert reason is not None
    assert "compilador" in reason.es


def test_the_outcome_is_blind_unless_every_wrong_call_was_seen_by_a_sanitizer() -> None:
    ran = Counter(rows=58, gelu=2, overrun=1, misaligned=1)
    clean = sanitize.summary(Found(ran, SEEN), 1.0)
    assert (clean["outcome"], clean["cases"], clean["cases_of"]) == ("clean", 60, {"gelu": 2, "rows": 58})
    assert sanitize.summary(Found(ran, SEEN[:1]), 1.0)["outcome"] == "blind"
    by_python = [SEEN[0], Error(61, "misaligned", "", ["Traceback (most recent call last):"])]
    assert sanitize.summary(Found(ran, by_python), 1.0)["outcome"] == "blind"
    wrong = Error(3, "rows", "rows 0 to 1", ["Traceback (most recent call last):"])
    found = sanitize.summary(Found(ran, [wrong, *SEEN]), 1.0)
    assert (found["outcome"], found["errors"], found["found"][0]["case"]) == ("errors", 1, 3)


def test_a_report_begins_where_a_sanitizer_begins() -> None:
    said = ["a warning", "layer.c:9:1: runtime error: load of misaligned address", *map(str, range(99))]
    report = sanitize.report_of("\n".join(said))
    assert report == said[1 : 1 + sanitize.REPORT_LINES]
    assert sanitize.report_of("\n".join(said[2:])) == said[-sanitize.REPORT_LINES :]
    assert sanitize.report_of("") == ["nothing was said"]
