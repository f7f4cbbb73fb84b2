"""Which rule holds for which part of the model: "encoder" covers all below it, and the more specific rule wins."""

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import TypeVar

Scheme = TypeVar("Scheme")


def pattern_covers(pattern: str, part: str) -> bool:
    """Whether `pattern` names the part ("encoder.prefilter.1") or something that holds it; wildcards as in fnmatch."""
    words = part.split(".")
    return any(fnmatchcase(".".join(words[:count]), pattern) for count in range(1, len(words) + 1))


def rule_for(rules: Mapping[str, Scheme], part: str) -> Scheme | None:
    """The scheme of the most specific pattern that covers the part: most words, then most letters. None for no rule."""
    pattern = _winner(rules, part)
    return None if pattern is None else rules[pattern]


def unused_patterns(rules: Iterable[str], parts: Iterable[str]) -> list[str]:
    """The patterns that win none of the parts: they cover none, or a more specific one wins each."""
    patterns = tuple(rules)
    winners = {_winner(patterns, part) for part in parts}
    return [pattern for pattern in patterns if pattern not in winners]


def _winner(patterns: Iterable[str], part: str) -> str | None:
    covering = [pattern for pattern in patterns if pattern_covers(pattern, part)]
    return max(covering, key=lambda pattern: (pattern.count("."), len(pattern.replace("*", ""))), default=None)
