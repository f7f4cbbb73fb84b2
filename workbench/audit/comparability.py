"""What two results must share before their metrics are comparable.

Deviations are comparable between results of the same scored audio and the same baseline. Speedups, which are relative
to that baseline, are comparable if the machine and the number of threads are the same too.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from workbench.recipe.patterns import is_checkpoint_file
from workbench.records.result import F0_NOT_KEPT, Result

Facts = dict[str, Any]

_STREAM = (
    *("checkpoint", "sample_rate_hz", "chunk_samples", "frames_per_chunk", "streams", "mirror", "reduction"),
    *("protocol", "scoring.voiced_confidence"),
)


def flatten(values: Mapping[str, Any], prefix: str = "") -> Facts:
    """Returns nested mappings as one mapping with dotted keys, such as a recipe's "lowering.backend"."""
    facts: Facts = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            facts |= flatten(value, f"{prefix}{key}.")
        else:
            facts[prefix + key] = value
    return facts


def stream_facts(result: Result) -> Facts:
    """The keys of the recipe that determine the baseline and which of its frames are voiced."""
    recipe = flatten(result.recipe.resolved)
    if "frames_per_chunk.min" in recipe:
        recipe["frames_per_chunk"] = f"{recipe['frames_per_chunk.min']} to {recipe['frames_per_chunk.max']}"
    if result.recipe.teacher:
        recipe["checkpoint"] = result.recipe.teacher
    elif is_checkpoint_file(recipe.get("checkpoint", "")):  # one that is packaged with pesto needs no hash
        recipe["checkpoint"] += f" {result.recipe.checkpoint_sha256[:8]}"
    return {key: recipe.get(key) for key in _STREAM}


def audio_facts(result: Result) -> Facts:
    """The scored clips by their samples, and by their known f0, which decides what is voiced, if its hash was kept."""
    clips = [clip for clip in result.audio if clip.role == "score"]
    facts = {"scored audio": f"{len(clips)} clips {_combined_hash(clip.identity for clip in clips)}"}
    if all(clip.f0_sha256 != F0_NOT_KEPT for clip in clips):
        facts["known f0"] = _combined_hash(f"{clip.identity} {clip.f0_sha256}" for clip in clips)
    return facts


def library_facts(result: Result) -> Facts:
    """The libraries that run the baseline."""
    return {"torch": result.environment.torch, "pesto": result.environment.pesto}


def machine_facts(result: Result) -> Facts:
    """What a time depends on besides the program."""
    environment = result.environment
    return {"cpu": environment.cpu, "cores": environment.cores, "threads": environment.threads}


def deviation_facts(result: Result) -> Facts:
    """What results share if their deviations can be ranked together."""
    return stream_facts(result) | audio_facts(result) | library_facts(result)


def speed_facts(result: Result) -> Facts:
    """What results share if their times can be ranked together."""
    return deviation_facts(result) | machine_facts(result)


def difference(first: Facts, second: Facts) -> str:
    """Returns what differs, for example "mirror (0.0 and 1.0), streams (1 and 4)"; "" if nothing differs."""
    return ", ".join(
        f"{key} ({value} and {second[key]})" for key, value in first.items() if key in second and value != second[key]
    )


def _combined_hash(hashes: Iterable[str]) -> str:
    """The same for the same hashes in any order."""
    return hashlib.sha256("".join(sorted(hashes)).encode()).hexdigest()[:8]
