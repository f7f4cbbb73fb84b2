"""Reads YAML files safely: only plain mappings of limited size, without aliases and tags, which can be abused."""

import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from workbench.errors import YamlError, did_you_mean, first_line, quote_value

MAX_BYTES = 32_000  # a recipe has one or two thousand; the parser takes a second or two for this many
MAX_LEVELS = 20
NOT_PRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")  # all control characters but tab and line feed


def read_yaml_mapping(path: Path, kind: str) -> dict[Any, Any]:
    """Reads the mapping of a YAML file. Its keys and values are not checked.

    Args:
        path: The file.
        kind: What the file is ("recipe"), for the messages.

    Raises:
        YamlError: There is no such file, it is not YAML or not a mapping, or it is too large, nested too deeply, or
            uses aliases, tags or control characters. The message is one line and has the number of the line in the
            file.
    """
    if not is_file(path):
        raise YamlError(f"{path}: {_missing_file_reason(path)}")
    values = parse_yaml(_read_text(path, kind), str(path))
    if values is None:
        raise YamlError(f"{path}: is empty; a {kind} is a mapping of keys to values")
    if not isinstance(values, dict):
        raise YamlError(f"{path}: is not a {kind}; expected a mapping of keys to values, got {quote_value(values)}")
    return values


def parse_yaml(text: str, where: str) -> Any:
    """Returns the value of a YAML text. Raises YamlError if it is not YAML or not safe; `where` begins its message."""
    try:
        unsafe = _unsafe_reason(text)
        if unsafe:
            raise YamlError(f"{where}: {unsafe}")
        return YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        raise YamlError(f"{where}: {_syntax_reason(error, text)}") from None
    except AssertionError as error:  # of ruamel, if %YAML has an unknown version
        raise YamlError(f"{where}: is not YAML ({first_line(error)})") from None
    except TypeError:  # of ruamel, if a key is not hashable
        raise YamlError(f"{where}: has a list of mappings as a key; use a word as the key") from None
    except ValueError as error:  # an invalid date, for example
        raise YamlError(f"{where}: has a value that YAML cannot read ({error}); correct it") from None


def is_file(path: Path) -> bool:
    """Whether there is a file at `path`. False, without an error, also for a name that no file system accepts."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _missing_file_reason(path: Path) -> str:
    try:
        if path.is_dir():
            return f"{quote_value(str(path))} is a folder; name a file in it"
        similar = did_you_mean(path.name, [file.name for file in path.parent.glob("*.y*ml")])
    except (OSError, ValueError):  # a name that no file system accepts
        similar = ""
    return f"there is no file {quote_value(path.name)}{similar}"


def as_yaml(values: Mapping[str, Any]) -> str:
    """Returns a mapping as YAML, without a line feed at its end. The innermost lists and mappings are on one line."""
    yaml = YAML()
    yaml.default_flow_style = None
    yaml.width = 1000
    outermost, text = CommentedMap(values), io.StringIO()
    outermost.fa.set_block_style()
    yaml.dump(outermost, text)
    return text.getvalue().rstrip("\n")


def _read_text(path: Path, kind: str) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise YamlError(f"{path}: is larger than {MAX_BYTES:_} bytes; a {kind} is not")
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise YamlError(f"{path}: cannot be read ({error.strerror}); check its permissions") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise YamlError(f"{path}: line {line}: is not UTF-8 text; save the file as UTF-8") from None


def _unsafe_reason(text: str) -> str:
    """Returns why the text is not accepted (an alias, a tag, deep nesting or a control character), or ""."""
    level = 0
    for event in YAML(typ="safe", pure=True).parse(text):
        level += isinstance(event, MappingStartEvent | SequenceStartEvent)
        level -= isinstance(event, MappingEndEvent | SequenceEndEvent)
        line = f"line {event.start_mark.line + 1}"
        tag = getattr(event, "tag", None)
        if isinstance(event, AliasEvent):
            return f"{line}: uses the alias *{event.anchor}, which is not allowed; repeat the value"
        if tag:
            return f"{line}: uses the tag {tag}, which is not allowed; remove it"
        if isinstance(event, ScalarEvent) and NOT_PRINTABLE.search(event.value):
            return f"{line}: has a control character or half of a surrogate pair; remove it"
        if level > MAX_LEVELS:
            return f"{line}: is nested more than {MAX_LEVELS} levels deep; flatten it"
    return ""


def _syntax_reason(error: YAMLError, text: str) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    where = f"line {mark.line + 1}: " if mark else ""
    if isinstance(error, DuplicateKeyError):
        key = re.search(r'duplicate key "(.*?)"', problem, re.DOTALL)
        return f"{where}has the key {quote_value(key[1]) if key else ''} twice; remove one"
    lines = text.splitlines()
    line = lines[mark.line] if mark and mark.line < len(lines) else ""
    hint = "; put a limit in quotes: '>= 5'" if re.search(r": *>=", line) else ""
    return f"{where}is not YAML ({' '.join(problem.split())}){hint}"
