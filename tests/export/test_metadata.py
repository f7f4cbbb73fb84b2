"""The metadata of a program: every entry is validated before any is used."""

from pathlib import Path
from typing import Any

import pytest

from workbench.errors import ProgramError
from workbench.export.metadata import build_metadata, from_json, parse_metadata
from workbench.recipe.options import OUTPUTS
from workbench.recipe.stream_config import StreamConfig

STREAM = StreamConfig(16_000, 320, 1, 1.0, 4, 2)
ENTRIES = build_metadata(STREAM, 25.0, "alwa", "explicit", 100, OUTPUTS)


def refusal(**changed: object) -> str:
    entries: dict[str, Any] = {**ENTRIES, **changed}
    with pytest.raises(ProgramError) as caught:
        parse_metadata({key: value for key, value in entries.items() if value is not None}, Path("p.pte"))
    return str(caught.value)


def test_metadata_are_parsed_as_built() -> None:
    metadata = parse_metadata(ENTRIES, Path("p.pte"))
    assert (metadata.stream, metadata.outputs, metadata.entries()) == (STREAM, OUTPUTS, ENTRIES)
    one_stream = StreamConfig(16_000, 320, 3, 0.0)
    entries = build_metadata(one_stream, 25.0, "mean", "none", 0, ("pitch", "volume"))
    metadata = parse_metadata({**entries, "of a later version": [1]}, Path("p.pte"))
    assert (metadata.stream, metadata.outputs, metadata.entries()) == (one_stream, ("pitch", "volume"), entries)


@pytest.mark.parametrize("key", ENTRIES)
def test_missing_or_wrong_entry_is_refused(key: str) -> None:
    assert f"the metadata entry {key} is missing" in refusal(**{key: None})
    for value in (b"bytes", [1], float("nan")):
        assert f"the metadata entry {key} is invalid (" in refusal(**{key: value})


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("outputs", "", "expected some of pitch,confidence,volume, in this order"),
        ("outputs", "volume,pitch", "in this order"),
        ("outputs", "pitch,loudness", "expected some of"),
        ("max_frames_per_chunk", 0, "less than frames_per_chunk"),
        ("hop_samples", 0, "Input should be greater than or equal to 1"),
        ("sample_rate_hz", 2**40, "Input should be less than or equal to 192000"),
        ("algorithmic_ms", 1e300, "Input should be less than or equal to 60000"),
        ("streams", True, "Input should be a valid integer"),
        ("confidence_threshold", "0.5", "Input should be a valid number"),
        ("reduction", "median", "Input should be 'alwa', 'argmax' or 'mean'"),
    ],
)
def test_invalid_entry_is_refused(key: str, value: object, why: str) -> None:
    found = refusal(**{key: value})
    assert found.startswith(f"p.pte: the metadata entry {key} is invalid (") and why in found


def test_scope_network_requires_the_host_hash() -> None:
    assert "host_sha256 is invalid (required if scope is network)" in refusal(scope="network")


def test_other_format_is_reported_before_other_entries() -> None:
    assert "metadata format 4, expected 3" in refusal(workbench_format=4, outputs=3)


@pytest.mark.parametrize("text", [b"\xff", "", "7", "[" * 100_000, '{"format": 3}'])
def test_other_text_is_refused(text: str | bytes) -> None:
    with pytest.raises(ProgramError, match=r"^p\.pt: not a workbench program: it has no stream metadata"):
        from_json(text, Path("p.pt"))
