"""The size of folders and files: a reader can take in either at once."""

from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parent.parent
MAX_FILES, MAX_LINES = 14, 260
FOLDERS_OF_COMMANDS = {"workbench/cli", "tests/cli"}  # one file for each command
LONG_TABLES = {"tests/cli/bad_input_cases.py"}
SUFFIXES = {".py", ".js", ".css", ".html", ".j2", ".h", ".hpp", ".cpp", ".svg"}
SOURCES = [
    path
    for folder in ("workbench", "tests", "tools")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in SUFFIXES and "__pycache__" not in path.parts
]


def test_no_folder_has_more_files_than_a_reader_takes_in() -> None:
    counts = Counter(path.parent.relative_to(ROOT).as_posix() for path in SOURCES)
    assert {folder: count for folder, count in counts.items() if count > MAX_FILES}.keys() <= FOLDERS_OF_COMMANDS


def test_no_file_is_longer_than_a_reader_takes_in() -> None:
    lengths = {path.relative_to(ROOT).as_posix(): len(path.read_text().splitlines()) for path in SOURCES}
    assert {name for name, lines in lengths.items() if lines > MAX_LINES} <= LONG_TABLES


def test_every_package_says_what_is_in_it() -> None:
    packages = [path for path in SOURCES if path.name == "__init__.py" and "workbench" in path.relative_to(ROOT).parts]
    assert [str(path) for path in packages if path.read_text().count("\n") < 3] == []
