"""The names a recipe may use, and how a clip pattern finds clips.

Which checkpoints, clips and metrics exist is known by later stages, so it is handed in, and recipes stay free of torch.
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True)
class KnownNames:
    """What exists: packaged checkpoints, clips ("sung/verse"), their folders ("sung"; may be empty), metric paths."""

    checkpoints: tuple[str, ...]
    clips: tuple[str, ...]
    clip_folders: tuple[str, ...]
    metrics: tuple[str, ...]


def clip_matches(pattern: str, name: str) -> bool:
    """Whether `pattern` finds the clip `name`, component by component, so "sung/*" does not find "sung/calibrate/a".

    Wildcards are those of `fnmatch` (`*`, `?`, `[ab]`), upper and lower case differ; a name always matches itself.
    """
    if pattern == name:
        return True
    patterns, components = pattern.split("/"), name.split("/")
    return len(patterns) == len(components) and all(map(fnmatchcase, components, patterns))


def has_wildcard(pattern: str) -> bool:
    """Whether `pattern` may stand for several names."""
    return any(character in pattern for character in "*?[")
