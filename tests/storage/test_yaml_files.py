"""YAML files of users: a mapping, or one line that says what is wrong where. More: tests/cli/bad_input_cases.py."""

import re
from pathlib import Path
from unittest.mock import Mock

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
        ("a: 1\n---\nb: 1\n", "line 2: is not YAML (but found another document)"),
        ("a: [\n", "line 2: is not YAML (expected the node content, but found '<stream end>')"),
        ("%YAML 1.4\n---\na: 1\n", "is not YAML (version minor part can only be 2 or 1, got (1, 4))"),
        ("{[{a: 1}]: 2}", "has a list of mappings as a key"),
        ("a:\n  b: >= 5\n", "line 2: is not YAML (expected chomping or indentation indicators, but found '='); put a "),
    ],
    ids=["two-documents", "open-list", "version", "key", "limit"],
)
def test_bad_content_is_one_line(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(content)
    with pytest.raises(YamlError, match=re.escape(f"{path}: {message}")):
        read_yaml_mapping(path, "recipe")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("folder", "is a folder; name a file in it"),
        ("\0", "there is no file '"),
        ("d.yaml", r"cannot be read \(Permission denied\)"),
    ],
    ids=["folder", "null-character", "no-permission"],
)
def test_file_that_is_not_read_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, message: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "d.yaml").touch()
    monkeypatch.setattr(Path, "read_bytes", Mock(side_effect=PermissionError(13, "Permission denied")))
    with pytest.raises(YamlError, match=message):
        read_yaml_mapping(tmp_path / name, "recipe")
