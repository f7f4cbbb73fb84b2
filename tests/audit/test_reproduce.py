"""A program rebuilt from its result: identical, or what differs and what changed since."""

from pathlib import Path
from typing import Any

import pytest

from tests.helpers.records.results import replaced, stored
from workbench.audio.decode import Clip
from workbench.audit.reproduce import compare_rebuilt
from workbench.records.environment import environment

CHECKPOINT = "c" * 64
RESULT = stored("int8-static", recipe__checkpoint_sha256=CHECKPOINT)
assert RESULT.program is not None
PROGRAM = replaced(RESULT.program, "sha256", "0" * 64)
RANGES = PROGRAM.ranges
CLIPS: Any = [
    Clip(clip.name, Path("a.wav"), clip.sha256, 16_000, [0.0], 16_000, 1, None)  # type: ignore[arg-type]
    for clip in RESULT.audio
    if clip.role == "calibrate"
]


def test_rebuilt_program_is_identical() -> None:
    rebuilt = compare_rebuilt(RESULT, replaced(PROGRAM, "sha256", RESULT.program.sha256), environment(1), (), "")
    assert (rebuilt.same, rebuilt.parts, rebuilt.since) == (True, (), ())


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({}, ["all sizes, operators and ranges are the same: weights or constants have other values"]),
        (
            {"bytes_by_kind": {**PROGRAM.bytes_by_kind, "rest": 7}},
            [f"rest: {PROGRAM.bytes_by_kind['rest']:,} before, 7 now"],
        ),
        ({"ranges": (replaced(RANGES[0], "scale", 9.0), *RANGES[1:])}, ["1 of 21 ranges have other values"]),
        ({"ranges": RANGES[1:]}, ["ranges only before: encoder.prefilter.0.0 weight"]),
        ({"ranges": (*RANGES, replaced(RANGES[0], "layer", "encoder.new"))}, ["ranges only now: encoder.new weight"]),
    ],
    ids=["values", "sizes", "changed-range", "fewer-ranges", "more-ranges"],
)
def test_rebuilt_program_names_what_differs(changes: dict[str, Any], parts: list[str]) -> None:
    program = PROGRAM.model_copy(update=changes)
    rebuilt = compare_rebuilt(RESULT, program, RESULT.environment, CLIPS, CHECKPOINT)
    assert (rebuilt.same, rebuilt.parts, rebuilt.since) == (False, tuple(parts), ())


def test_rebuilt_program_names_the_causes() -> None:
    before, now = (replaced(RESULT.environment, "libraries", {"numpy": each, "scipy": "1"}) for each in "23")
    rebuilt = compare_rebuilt(
        replaced(RESULT, "environment", before),
        replaced(PROGRAM, "made_with", {"onnx": "9.9"}),
        now.model_copy(update={"torch": "9.9", "threads": 7}),
        CLIPS[1:],
        "0" * 64,
    )
    assert rebuilt.since == (
        f"torch: {before.torch} before, 9.9 now",
        "numpy: 2 before, 3 now",
        "onnx: nothing before, 9.9 now",
        f"checkpoint mir-1k_g7: sha256 {CHECKPOINT[:12]}… before, 000000000000… now",
        f"clip {CLIPS[0].name}: changed, added or missing",
    )
