"""What records have to share before their figures say anything about each other.

Deviations compare between records of the same scored audio and the same baseline; speeds, which are ratios to that
baseline, between those of the same machine and threads as well.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from workbench.recipe.schema import is_checkpoint_file
from workbench.records.result import F0_NOT_KEPT, Result

Facts = dict[str, Any]

_STREAM = (
    *("checkpoint", "sample_rate_hz", "chunk_samples", "frames_per_chunk", "streams", "mirror", "reduction"),
    *("protocol", "scoring.voiced_confidence"),
)


def flatten(values: Mapping[str, Any], prefix: str = "") -> Facts:
    """Nested mappings as one: dotted keys, such as a recipe's "lowering.backend"."""
    facts: Facts = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            facts |= flatten(value, f"{prefix}{key}.")
        else:
            facts[prefix + key] = value
    return facts


def stream_facts(record: Result) -> Facts:
    """What upstream was asked for, and where its frames count: the same for records whose deviations compare."""
    asked = flatten(record.recipe.resolved)
    sizes = [asked.get(f"frames_per_chunk{key}") for key in ("", ".min", ".max")]
    asked["frames_per_chunk"] = f"{sizes[1]} to {sizes[2]}" if sizes[0] is None else sizes[0]
    if is_checkpoint_file(asked.get("checkpoint", "")) and record.recipe.checkpoint_sha256:  # a packaged one is pesto's
        asked["checkpoint"] += f" {record.recipe.checkpoint_sha256[:8]}"
    return {key: asked.get(key) for key in _STREAM}


def audio_facts(record: Result) -> Facts:
    """The scored clips by their bytes, and, where it was kept, by their known f0, which decides what is voiced."""
    clips = [clip for clip in record.audio if clip.role == "score"]
    facts = {"scored audio": f"{len(clips)} clips {_together(clip.sha256 for clip in clips)}"}
    if all(clip.f0_sha256 != F0_NOT_KEPT for clip in clips):
        facts["known f0"] = _together(f"{clip.sha256} {clip.f0_sha256}" for clip in clips)
    return facts


def _together(hashes: Iterable[str]) -> str:
    """The same for the same hashes, in whatever order."""
    return hashlib.sha256("".join(sorted(hashes)).encode()).hexdigest()[:8]


def library_facts(record: Result) -> Facts:
    """What runs the baseline."""
    return {"torch": record.environment.torch, "pesto": record.environment.pesto}


def machine_facts(record: Result) -> Facts:
    """What a time depends on besides the program."""
    place = record.environment
    return {"cpu": place.cpu, "cores": place.cores, "threads": place.threads}


def deviation_facts(record: Result) -> Facts:
    """What records share whose deviations are ranked together."""
    return stream_facts(record) | audio_facts(record) | library_facts(record)


def speed_facts(record: Result) -> Facts:
    """What records share whose times are ranked together."""
    return deviation_facts(record) | machine_facts(record)


def difference(one: Facts, other: Facts) -> str:
    """What differs, in words: "mirror (0.0 and 1.0), streams (1 and 4)"; "" where nothing does that both sides tell."""
    return ", ".join(
        f"{key} ({value} and {other[key]})" for key, value in one.items() if key in other and value != other[key]
    )
