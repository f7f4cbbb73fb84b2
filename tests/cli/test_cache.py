"""`cache`: shows and deletes the entries, by kind and age, and asks first."""

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.helpers.project import last_error, workbench
from workbench.cli import cache as command
from workbench.cli import main
from workbench.storage.cache_folder import CACHE_VARIABLE
from workbench.storage.locks import folder_lock


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with a program of today, one that was not used since 1970, and a clip."""
    for path, size in (
        ("programs/" + "a" * 64, 2_000_000),
        ("programs/" + "b" * 64, 0),
        ("clips/" + "c" * 64, 500_000),
    ):
        (tmp_path / path).mkdir(parents=True)
        (tmp_path / path / "file").write_bytes(bytes(size))
    os.utime(tmp_path / "programs" / ("b" * 64), (0, 0))
    (tmp_path / "mine").mkdir()
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    return tmp_path


def kept(cache: Path) -> str:
    return "".join(sorted(path.name[0] for path in cache.glob("*/*")))


def test_cache_shows_each_kind(cache: Path) -> None:
    folder, programs, *others = workbench("cache").stdout.splitlines()
    assert folder == str(cache)
    assert programs.startswith("programs       2 entries       2.0 MB  unused for at most 2")
    assert others == [
        "baselines      0 entries       0.0 MB",
        "clips          1 entries       0.5 MB  unused for at most 0 days",
        "hosts          0 entries       0.0 MB",
        "corpora        0 entries       0.0 MB",
        "training       0 entries       0.0 MB",
    ]
    (shown,) = map(
        json.loads, workbench("cache", "--json", "--kind", "programs", "--older-than", "1").stdout.splitlines()
    )
    assert (shown["kind"], shown["folder"], shown["entries"], shown["bytes"]) == ("programs", f"{cache}/programs", 1, 0)


@pytest.mark.parametrize(
    ("options", "left", "said"),
    [
        ("", "", "deleted 3 of 3 entries, 2.5 MB"),
        ("--older-than 30", "ac", "deleted 1 of 1 entries, 0.0 MB"),
        ("--kind clips", "ab", "deleted 1 of 1 entries, 0.5 MB"),
        ("--kind clips --older-than 30", "abc", "deleted 0 of 0 entries, 0.0 MB"),
    ],
)
def test_prune_deletes_what_is_shown(options: str, left: str, said: str, cache: Path) -> None:
    result = workbench("cache", "--prune", "--yes", *options.split())
    assert (result.exit_code, result.stdout.splitlines()[-1], kept(cache)) == (0, said, left)
    assert (cache / "mine").is_dir()


def test_prune_keeps_what_is_in_use(cache: Path) -> None:
    with folder_lock(cache / "clips" / ("c" * 64)):
        result = workbench("cache", "--prune", "--yes", "--json")
    assert json.loads(result.stdout) == {"entries": 2, "bytes": 2_000_000, "kept": 1}
    assert kept(cache) == "c"


@pytest.mark.parametrize(("typed", "left"), [("y", ""), ("n", "abc"), (None, "abc")])
def test_prune_asks_first(typed: str | None, left: str, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if typed is None:
        assert last_error(workbench("cache", "--prune")).endswith("add --yes where nobody can be asked.")
    else:
        monkeypatch.setattr(command, "_can_ask", lambda: True)
        CliRunner().invoke(main, ["cache", "--prune"], input=typed)
    assert kept(cache) == left
