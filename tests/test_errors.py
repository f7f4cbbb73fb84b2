"""What messages quote and suggest, and which errors say nothing about a program."""

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import (
    MAX_QUOTED_CHARACTERS,
    ProgramError,
    did_you_mean,
    is_out_of_memory,
    program_error,
    quote_value,
)

OUT_OF_MEMORY = [
    RuntimeError("[enforce fail at alloc_cpu.cpp:118] DefaultCPUAllocator: can't allocate memory: you tried to"),
    RuntimeError("[ONNXRuntimeError] : 6 : Failed to allocate memory for requested buffer of size 8"),
    MemoryError("std::bad_alloc"),
    OSError(errno.ENOMEM, "Cannot allocate memory"),
]


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=["torch", "onnxruntime", "python", "system"])
def test_out_of_memory_is_no_program_error(error: BaseException) -> None:
    assert is_out_of_memory(error)
    with pytest.raises(MemoryError):
        raise program_error("the program failed", error)


@pytest.mark.parametrize(
    ("cause", "quoted"), [(RuntimeError("no kernel\nand more"), "no kernel"), (KeyError(), "KeyError")]
)
def test_program_error_has_the_first_line_or_the_type(cause: Exception, quoted: str) -> None:
    error = program_error("the program failed", cause)
    assert isinstance(error, ProgramError)
    assert str(error) == f"the program failed ({quoted})"


@pytest.mark.parametrize(
    ("word", "candidates", "suggestion"),
    [
        ("Backend", ["lowering.backend"], " (did you mean 'lowering.backend'?)"),
        (
            "deviation.octaves",
            ["deviation.frames", "deviation.octave_rate"],
            " (did you mean 'deviation.octave_rate'?)",
        ),
        ("speed.p95_ms", ["floor.p95_ms", "speed.own.p95_ms"], " (did you mean 'speed.own.p95_ms'?)"),
        ("zzz", ["mirror"], ""),
        ("x", [], ""),
    ],
)
def test_did_you_mean(word: str, candidates: list[str], suggestion: str) -> None:
    assert did_you_mean(word, candidates) == suggestion


@pytest.mark.parametrize(
    ("value", "quoted"),
    [
        (None, "nothing"),
        (True, "true"),
        ({}, "an empty mapping"),
        ({"a": 1}, "a mapping"),
        ([], "an empty list"),
        ([1], "a list"),
        (10**40, "a huge number"),
        (0.5, "0.5"),
        ("a\nb", "'a\\nb'"),
        ("x" * 100, "'" + "x" * 56 + "..."),
    ],
)
def test_quote_value(value: object, quoted: str) -> None:
    assert quote_value(value) == quoted


@given(st.one_of(st.text(), st.integers(), st.floats(), st.dates(), st.lists(st.text()), st.binary()))
def test_quote_value_is_one_short_printable_line(value: object) -> None:
    quoted = quote_value(value)
    assert quoted.isprintable() and 0 < len(quoted) <= MAX_QUOTED_CHARACTERS
