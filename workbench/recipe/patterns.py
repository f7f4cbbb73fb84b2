"""The names that a recipe may use, and the patterns that find clips and parts of the model."""

import operator
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal, TypeVar, get_args

from workbench.errors import did_you_mean, quote_value
from workbench.storage.shipped import shipped_students

Rule = TypeVar("Rule")

Role = Literal["calibrate", "score"]
ROLES: tuple[Role, ...] = get_args(Role)
CORPUS_CLIPS = "corpus"
"""The first folder in the name of a corpus's clip: `corpus/vocadito/score/1`."""

_CORPUS_PATTERN = f"{CORPUS_CLIPS}:"
STUDENT_SUFFIX = ".safetensors"
CHECKPOINT_SUFFIXES = (".ckpt", ".pt", ".pth", STUDENT_SUFFIX)
_COMPARISON = re.compile(r"(?<![^.])(?P<sign>[<>]=?)(?P<limit>\d+)(?![^.])")  # a whole word: ">=8"
_HOLDS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_ONE_OF_A_SET = re.compile(r"\[!?\]?[^\]]*\]")  # "[ab]", as fnmatch reads it


@dataclass(frozen=True)
class KnownNames:
    """The names that a recipe can refer to. The caller passes them in, so that this package does not import torch.

    `checkpoints` are the packaged ones and the shipped students. `clips` are names without suffix ("sung/verse"). A
    folder in `clip_folders` ("sung") can be empty. `metrics` are dotted paths in a record. `corpora` are those that can
    be fetched.
    """

    checkpoints: tuple[str, ...]
    clips: tuple[str, ...]
    clip_folders: tuple[str, ...]
    metrics: tuple[str, ...]
    corpora: tuple[str, ...] = ()


def is_checkpoint_file(checkpoint: str) -> bool:
    """Whether a checkpoint is the path of a file, not the name of a packaged one."""
    return checkpoint.isprintable() and Path(checkpoint).suffix.lower() in CHECKPOINT_SUFFIXES


def is_student(checkpoint: str) -> bool:
    """Whether a checkpoint is a student: one that is shipped, or a file of safetensors."""
    return checkpoint in shipped_students() or (
        is_checkpoint_file(checkpoint) and Path(checkpoint).suffix.lower() == STUDENT_SUFFIX
    )


def unknown_checkpoint_reason(checkpoint: str, known_names: KnownNames) -> str:
    """Returns why a checkpoint that is neither a known name nor a file is refused."""
    known = ", ".join(known_names.checkpoints)
    return (
        f"expected a packaged checkpoint ({known}) or a .ckpt, .pt, .pth or .safetensors file, got "
        + quote_value(checkpoint)
        + did_you_mean(checkpoint, known_names.checkpoints)
    )


def clip_matches(pattern: str, name: str) -> bool:
    """Whether a clip pattern matches a name, component by component: "sung/*" does not match "sung/calibrate/a".

    Wildcards are those of `fnmatch` (`*`, `?`, `[ab]`); case matters; a name always matches itself.
    """
    if pattern == name:
        return True
    patterns, components = pattern.split("/"), name.split("/")
    return len(patterns) == len(components) and all(map(fnmatchcase, components, patterns))


def corpus_of(pattern: str) -> str:
    """Returns the corpus that a pattern names ("corpus:vocadito", "corpus:vocadito/1*"), or "" if it names none."""
    return pattern.removeprefix(_CORPUS_PATTERN).partition("/")[0] if pattern.startswith(_CORPUS_PATTERN) else ""


def clip_pattern(pattern: str, role: Role) -> str:
    """Returns the pattern of clip names for a pattern in a recipe.

    A pattern that names a corpus means those of its clips that have the role: "corpus:vocadito" is
    "corpus/vocadito/score/*" in `score`. Every other pattern stays as it is.
    """
    corpus = corpus_of(pattern)
    if not corpus:
        return pattern
    return f"{CORPUS_CLIPS}/{corpus}/{role}/{pattern.partition('/')[2] or '*'}"


def unknown_corpus_reason(pattern: str, role: Role, known_names: KnownNames) -> str:
    """Returns why a pattern that names a corpus selects no clip for a role, or "" if it selects one."""
    corpus = corpus_of(pattern)
    if corpus not in known_names.corpora:
        return f"there is no corpus {quote_value(corpus)}" + did_you_mean(corpus, known_names.corpora)
    clips = [clip for clip in known_names.clips if clip.startswith(f"{CORPUS_CLIPS}/{corpus}/")]
    if not clips:
        return f"the corpus {corpus} is not fetched; run `workbench corpus fetch {corpus}`"
    if not any(clip_matches(clip_pattern(pattern, role), clip) for clip in clips):
        singer = "calibrates" if role == "calibrate" else "is scored"
        return f"{quote_value(pattern)} matches no clip whose singer {singer}"
    return ""


def role_of_singer(clip: str) -> Role | None:
    """Returns the only role in which a corpus's clip may be used, because of its singer; None for other clips."""
    folders = clip.split("/")
    if folders[0] != CORPUS_CLIPS:
        return None
    return "calibrate" if folders[2] == "calibrate" else "score"


def has_wildcard(pattern: str) -> bool:
    """Whether a pattern can match several names."""
    return any(character in pattern for character in "*?[")


def pattern_covers(pattern: str, part: str) -> bool:
    """Whether a pattern matches a part of the model ("encoder.prefilter.1") or a part that contains it ("encoder").

    Wildcards are those of `fnmatch`; `*` also matches dots. A word `>=8`, `<=8`, `>8` or `<8` matches such numbers.
    """
    words = part.split(".")
    prefixes = [".".join(words[:count]) for count in range(1, len(words) + 1)]
    return any(fnmatchcase(prefix, plain) for plain in _with_numbers(pattern, words) for prefix in prefixes)


def rule_for(rules: Mapping[str, Rule], part: str) -> Rule | None:
    """Returns the rule whose pattern covers the part, or None if no pattern does.

    If several patterns cover it, the most specific one applies: the one with the most words, then the one with the most
    literal characters, then the one with the most wildcards `?` and `[ab]`, which match one character each, and
    comparisons; of two comparisons, the one with fewer numbers (`>=8` before `>=4`).
    """
    pattern = _most_specific(rules, part)
    return None if pattern is None else rules[pattern]


def unused_patterns(rules: Iterable[str], parts: Iterable[str]) -> list[str]:
    """Returns the patterns that apply to no part: they cover none, or a more specific pattern always applies."""
    patterns = tuple(rules)
    used = {_most_specific(patterns, part) for part in parts}
    return [pattern for pattern in patterns if pattern not in used]


def _most_specific(patterns: Iterable[str], part: str) -> str | None:
    return max((pattern for pattern in patterns if pattern_covers(pattern, part)), key=_specificity, default=None)


def _with_numbers(pattern: str, words: Iterable[str]) -> list[str]:
    """Returns the pattern with each of the words that are numbers in place of its comparisons, if they hold."""
    comparison = _COMPARISON.search(pattern)
    if comparison is None:
        return [pattern]
    holds, limit = _HOLDS[comparison["sign"]], int(comparison["limit"])
    start, end = comparison.span("sign")[0], comparison.end()
    return [
        plain
        for word in words
        if word.isdecimal() and holds(int(word), limit)
        for plain in _with_numbers(pattern[:start] + word + pattern[end:], words)
    ]


def _specificity(pattern: str) -> tuple[int, int, int, int]:
    """Returns how many words, literal characters and wildcards for one character a pattern has, and how narrow its
    comparisons are."""
    narrowness = 0
    for sign, limit in _COMPARISON.findall(pattern):
        narrowness += (2 * int(limit) if sign[0] == ">" else -2 * int(limit)) + ("=" not in sign)
    single = _COMPARISON.sub("?", _ONE_OF_A_SET.sub("?", pattern))
    literal = single.replace("*", "").replace("?", "")
    return single.count("."), len(literal), single.count("?"), narrowness
