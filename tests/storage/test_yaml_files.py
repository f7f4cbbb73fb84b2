"""YAML files of users: a mapping, or one line that says what is wrong where."""

import re
from pathlib import Path

import pytest

from workbench.errors import YamlError
from workbench.storage.yaml_files import read_yaml_mapping


@pytest.mark.parametrize(
    "content", [b"a: 1\nb: [x]\n", b"\xef\xbb\xbfa: 1\nb: [x]\n"], ids=["plain", "byte-order-mark"]
)
def test_read_yaml_mapping(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "r.yaml"
    path.write_bytes(content)
    assert read_yaml_mapping(path, "recipe") == {"a": 1, "b": ["x"]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("hello\n", "is not a recipe; expected a mapping of keys to values, got 'hello'"),
        ("a: 1\n---\nb: 1\n", "line 2: is not YAML (but found another document)"),
        ("a: [\n", "line 2: is not YAML (expected the node content, but found '<stream end>')"),
        ("a: &x [1]\nb: *x\n", "line 2: uses the alias *x"),
        ("a: !!python/name:os.system ''\n", "line 1: uses the tag tag:yaml.org,2002:python/name:os.system"),
        ("a: " + "[" * 21, "line 1: is nested more than 20 levels deep; flatten it"),
        ("%YAML 1.4\n---\na: 1\n", "is not YAML (version minor part can only be 2 or 1, got (1, 4))"),
        ("{[{a: 1}]: 2}", "has a list of mappings as a key; use a word as the key"),
        (
            "gates:\n  program.bytes: >= 5\n",
            "line 2: is not YAML (expected chomping or indentation indicators, but found '=');"
            " put a limit in quotes: '>= 5'",
        ),
    ],
)
def test_bad_content_is_one_line(tmp_path: Path, content: str | bytes, message: str) -> None:
    path = tmp_path / "r.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(YamlError, match=re.escape(f"{path}: {message}")):
        read_yaml_mapping(path, "recipe")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("c.yaml", "there is no file 'c.yaml' (did you mean 'd.yaml'?)"),
        ("folder", "is a folder; name a file in it"),
        ("x" * 300, "there is no file '"),
        ("\0", "there is no file '"),
    ],
    ids=["missing", "folder", "long-name", "null-character"],
)
def test_missing_file_is_one_line(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "d.yaml").touch()
    with pytest.raises(YamlError, match=re.escape(message)):
        read_yaml_mapping(tmp_path / name, "recipe")


def test_unreadable_file_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "r.yaml"
    path.touch()

    def read_bytes(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    with pytest.raises(YamlError, match=r"cannot be read \(Permission denied\); check its permissions"):
        read_yaml_mapping(path, "recipe")
