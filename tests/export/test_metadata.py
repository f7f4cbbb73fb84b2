"""The metadata of a program: every entry is validated before any is used."""

import re
from pathlib import Path
from typing import Any

import pytest

import workbench
from workbench.errors import ProgramError
from workbench.export.metadata import DISPLAY_THRESHOLD, build_metadata, from_json, parse_metadata
from workbench.recipe.options import OUTPUTS
from workbench.recipe.stream_config import StreamConfig

PATH = Path("p.pte")
STREAM = StreamConfig(16_000, 320, 1, 1.0, 4, 2)
ONE_SIZE = StreamConfig(16_000, 320, 3, 0.0)
ENTRIES = build_metadata(STREAM, 25.0, "alwa", "explicit", 100, OUTPUTS)


def test_metadata_are_parsed_as_built() -> None:
    metadata = parse_metadata(ENTRIES, PATH)
    assert (metadata.stream, metadata.outputs, metadata.entries()) == (STREAM, OUTPUTS, ENTRIES)
    entries = build_metadata(ONE_SIZE, 25.0, "mean", "none", 0, ("pitch", "volume"), confidence_threshold=0.3)
    metadata = parse_metadata({**entries, "of a later version": [1]}, PATH)
    assert (metadata.stream, metadata.outputs, metadata.entries()) == (ONE_SIZE, ("pitch", "volume"), entries)


@pytest.mark.parametrize("key", ENTRIES)
def test_missing_or_wrong_entry_is_refused(key: str) -> None:
    with pytest.raises(ProgramError, match=f"the metadata entry {key} is missing"):
        parse_metadata({other: value for other, value in ENTRIES.items() if other != key}, PATH)
    for value in (b"bytes", [1], float("nan")):
        with pytest.raises(ProgramError, match=rf"^p\.pte: the metadata entry {key} is invalid \("):
            parse_metadata({**ENTRIES, key: value}, PATH)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"outputs": ""}, r"outputs is invalid \(expected some of pitch,confidence,volume, in this order"),
        ({"outputs": "volume,pitch"}, "outputs is invalid .*in this order"),
        ({"outputs": "pitch,loudness"}, r"outputs is invalid \(expected some of"),
        ({"max_frames_per_chunk": 0}, r"max_frames_per_chunk is invalid \(less than frames_per_chunk"),
        ({"sample_rate_hz": 2**40}, r"sample_rate_hz is invalid \(Input should be less than or equal to 192000"),
        ({"streams": True}, r"streams is invalid \(Input should be a valid integer"),
        ({"confidence_threshold": "0.5"}, r"confidence_threshold is invalid \(Input should be a valid number"),
        ({"scope": "network"}, r"host_sha256 is invalid \(required if scope is network\)"),
        ({"workbench_format": 4, "outputs": 3}, "metadata format 4, expected 3"),
    ],
)
def test_invalid_entry_is_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ProgramError, match=message):
        parse_metadata({**ENTRIES, **changed}, PATH)


@pytest.mark.parametrize("text", [b"\xff", "", "7", "[" * 100_000, '{"format": 3}'])
def test_other_text_is_refused(text: str | bytes) -> None:
    with pytest.raises(ProgramError, match=r"^p\.pte: not a workbench program: it has no stream metadata"):
        from_json(text, PATH)


@pytest.mark.parametrize(
    ("path", "pattern"),
    [
        ("runtime/native/source/pesto_metadata.hpp", r"kDisplayThreshold = ([\d.]+)f;"),
        ("live/page/main.js", r"let threshold = ([\d.]+);"),
        ("live/page/index.html", r'id="threshold" .*value="([\d.]+)"'),
    ],
)
def test_display_threshold_is_the_same_in_every_language(path: str, pattern: str) -> None:
    (found,) = re.findall(pattern, (Path(workbench.__file__).parent / path).read_text())
    assert float(found) == DISPLAY_THRESHOLD
