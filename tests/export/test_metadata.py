"""What a program tells its host: all of it is looked at before any of it is used."""

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


def test_what_is_told_is_what_was_asked() -> None:
    metadata = parse_metadata(ENTRIES, Path("p.pte"))
    assert (metadata.stream, metadata.outputs, metadata.entries()) == (STREAM, OUTPUTS, ENTRIES)
    alone = StreamConfig(16_000, 320, 3, 0.0)
    entries = build_metadata(alone, 25.0, "mean", "none", 0, ("pitch", "volume"))
    metadata = parse_metadata({**entries, "of a later version": [1]}, Path("p.pte"))
    assert (metadata.stream, metadata.outputs, metadata.entries()) == (alone, ("pitch", "volume"), entries)


@pytest.mark.parametrize("key", ENTRIES)
def test_every_entry_is_wanted(key: str) -> None:
    assert refusal(**{key: None}) == f"p.pte: the metadata entry {key} is missing; rebuild the program"


@pytest.mark.parametrize("key", ENTRIES)
@pytest.mark.parametrize("value", [b"bytes", [1], float("nan")])
def test_every_entry_is_of_its_kind(key: str, value: object) -> None:
    assert refusal(**{key: value}).startswith(f"p.pte: the metadata entry {key} is invalid (")


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("outputs", "", "expected some of pitch,confidence,volume, in this order"),
        ("outputs", "volume,pitch", "expected some of pitch,confidence,volume, in this order"),
        ("outputs", "pitch,loudness", "expected some of pitch,confidence,volume, in this order"),
        ("max_frames_per_chunk", 0, "less than frames_per_chunk"),
        ("hop_samples", 0, "Input should be greater than or equal to 1"),
        ("sample_rate_hz", 2**40, "Input should be less than or equal to 192000"),
        ("algorithmic_ms", 1e300, "Input should be less than or equal to 60000"),
        ("streams", True, "Input should be a valid integer"),
        ("algorithmic_ms", "25", "Input should be a valid number"),
        ("confidence_threshold", "0.5", "Input should be a valid number"),
        ("reduction", "median", "Input should be 'alwa', 'argmax' or 'mean'"),
    ],
)
def test_what_a_program_cannot_have(key: str, value: object, why: str) -> None:
    assert refusal(**{key: value}) == f"p.pte: the metadata entry {key} is invalid ({why}); rebuild the program"


def test_a_front_end_of_the_host_s_wants_its_hash() -> None:
    assert refusal(scope="network") == (
        "p.pte: the metadata entry host_sha256 is invalid (required if scope is network); rebuild the program"
    )


def test_another_format_is_told_before_all_else() -> None:
    says = "p.pte: metadata format 4, expected 3; rebuild the program"
    assert refusal(workbench_format=4, outputs=3) == says


@pytest.mark.parametrize("text", [b"\xff", "", "7", "[" * 100_000, '{"format": 3}'])
def test_text_that_is_none_of_ours(text: str | bytes) -> None:
    with pytest.raises(ProgramError) as caught:
        from_json(text, Path("p.pt"))
    assert (
        str(caught.value)
        == "p.pt: not a workbench program: it has no stream metadata; name one that `workbench build` wrote"
    )
