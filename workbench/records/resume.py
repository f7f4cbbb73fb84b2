"""The scores of a variant that is still being made: what a run that was killed later on need not measure again."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from workbench.audio.decode import Clip
from workbench.records.frames import frames_path
from workbench.records.result import Result
from workbench.storage.atomic import write_atomic

SCORES_NAME = "scores.json"


def save_scores(
    place: Path, made_from: Sequence[str], seconds: Mapping[str, float], figures: Mapping[str, Any]
) -> None:
    """Store the scored sections of a record, by name, once all that belongs to them is written. `made_from` are the
    hashes of all that they depend on, `seconds` how long they took."""
    content = {
        "made_from": list(made_from),
        "seconds": {name: took_s for name, took_s in seconds.items() if name != "build"},
        "figures": {name: _section(name).dump_python(figure, mode="json") for name, figure in figures.items()},
    }
    write_atomic(place / SCORES_NAME, (json.dumps(content, allow_nan=False) + "\n").encode())


def load_scores(
    place: Path, made_from: Sequence[str], clips: Sequence[Clip], seconds: dict[str, float]
) -> dict[str, Any] | None:
    """The sections that `keep_scores` stored, where they were made from the same things and the files of all clips are
    there; None where not. `seconds` hears how long they took."""
    try:
        stored = json.loads((place / SCORES_NAME).read_bytes())
        figures = {name: _section(name).validate_python(figure) for name, figure in stored["figures"].items()}
        same = stored["made_from"] == list(made_from) and has_files_of(place, clips)
        if same:
            seconds |= stored["seconds"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return figures if same else None


def has_files_of(folder: Path, clips: Sequence[Clip]) -> bool:
    """Whether a variant's folder has the frames of every clip, and their picture."""
    return all(frames_path(folder, clip.name).is_file() and picture_path(folder, clip.name).is_file() for clip in clips)


def picture_path(folder: Path, clip_name: str) -> Path:
    """Where a variant's folder has the picture of a clip."""
    return folder / "pictures" / f"{frames_path(folder, clip_name).stem}.png"


def _section(name: str) -> TypeAdapter[Any]:
    kind: Any = Result.model_fields[name].annotation
    return TypeAdapter(kind)
