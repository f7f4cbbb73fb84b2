"""The scores of a variant whose run is not finished: a run that continues after a kill need not measure them again."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.audio.decode import Clip
from workbench.records.frames.stored import frames_path
from workbench.records.result import PICTURES_FOLDER, Scores
from workbench.storage.atomic import write_atomic

SCORES_NAME = "scores.json"


@dataclass(frozen=True)
class StoredScores:
    """Scores as an unfinished run stored them, and the seconds that each stage of scoring took."""

    scores: Scores
    seconds: dict[str, float]


def save_scores(folder: Path, made_from: Sequence[str], stored: StoredScores) -> None:
    """Stores scores in a staging folder. Call it once all files that belong to them are written.

    `made_from` are the hashes of everything that the scores depend on.
    """
    content = {
        "made_from": list(made_from),
        "seconds": stored.seconds,
        "figures": stored.scores.model_dump(mode="json"),
    }
    write_atomic(folder / SCORES_NAME, (json.dumps(content, allow_nan=False) + "\n").encode())


def load_scores(folder: Path, made_from: Sequence[str], clips: Sequence[Clip]) -> StoredScores | None:
    """Returns what `save_scores` stored. None if `made_from` differs, or a file of a clip is missing."""
    try:
        content = json.loads((folder / SCORES_NAME).read_bytes())
        stored = StoredScores(Scores.model_validate(content["figures"]), dict(content["seconds"]))
        is_same = content["made_from"] == list(made_from)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return stored if is_same and has_files_of(folder, clips) else None


def has_files_of(folder: Path, clips: Sequence[Clip]) -> bool:
    """Whether a variant's folder has the frames and the picture of every clip."""
    return all(frames_path(folder, clip.name).is_file() and picture_path(folder, clip.name).is_file() for clip in clips)


def picture_path(folder: Path, clip_name: str) -> Path:
    """The path of a clip's picture in a variant's folder."""
    return folder / PICTURES_FOLDER / f"{frames_path(folder, clip_name).stem}.png"
