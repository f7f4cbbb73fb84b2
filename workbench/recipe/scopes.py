"""Which rule holds for which part of the model: "encoder" covers all below it, and the more specific rule wins."""

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import TypeVar

Scheme = TypeVar("Scheme")


def covers(pattern: str, part: str) -> bool:
    """Whether `pattern` names the part ("encoder.prefilter.1") or something that holds it; wildcards as in fnmatch."""
    words = part.split(".")
    return any(fnmatchcase(".".join(words[:count]), pattern) for count in range(1, len(words) + 1))


def rule_for(rules: Mapping[str, Scheme], part: str) -> Scheme | None:
    """The scheme of the most specific pattern that covers the part: most words, then most letters. None for no rule."""
    covering = [pattern for pattern in rules if covers(pattern, part)]
    if not covering:
        return None
    return rules[max(covering, key=lambda pattern: (pattern.count("."), len(pattern.replace("*", ""))))]


def without_part(rules: Mapping[str, Scheme], parts: Iterable[str]) -> list[str]:
    """The patterns that cover none of the parts."""
    known = tuple(parts)
    return [pattern for pattern in rules if not any(covers(pattern, part) for part in known)]
