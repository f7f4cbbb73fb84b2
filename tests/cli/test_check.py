"""`check`: every mistake of every recipe in one call."""

from pathlib import Path

import pytest

from tests.cli.bad_input_cases import RECIPE
from tests.helpers.project import workbench

pytestmark = pytest.mark.usefixtures("folder")


def keys_in_error(*words: str) -> list[str]:
    """Runs a command that exits with 2, and returns `<file>: <key>` of each line."""
    result = workbench(*words)
    assert (result.exit_code, result.stdout) == (2, "")
    return [":".join(line.split(":")[1:3]).strip() for line in result.stderr.splitlines()]


def test_check_accepts_files_and_folders() -> None:
    Path("more.yaml").write_text(RECIPE + "matrix: {mirror: [0, 1]}\n")
    result = workbench("check", "recipes", "more.yaml")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "least: ok\nmore@mirror=0: ok\nmore@mirror=1: ok\n"


def test_check_reports_every_mistake() -> None:
    Path("one.yaml").write_text(
        "description: Three\nsample_rate_hz: 16000\nchunk_samples: 320\nmirorr: 1\nmirror: 2\nreduction: alva\n"
    )
    Path("two.yaml").write_text(
        f"{RECIPE}checkpoint: mir-1k_g8\naudio: {{score: [synthetic/score/sin]}}\n"
        "gates: {deviation.pitch.p59_cents: <= 1}\n"
    )
    assert keys_in_error("check", "one.yaml", "recipes/least.yaml", "two.yaml") == [
        "one.yaml: mirror",
        "one.yaml: reduction",
        "one.yaml: mirorr",
        "two.yaml: checkpoint",
        "two.yaml: audio.score.0",
        "two.yaml: gates.deviation.pitch.p59_cents",
    ]


def test_gates_and_recipes_are_checked_together() -> None:
    Path("wrong.yaml").write_text(RECIPE + "miror: 1\n")
    Path("gates.yaml").write_text("program.byts: <= 7\n")
    assert keys_in_error("run", "wrong.yaml", "--gates", "gates.yaml") == [
        "gates.yaml: program.byts",
        "wrong.yaml: miror",
    ]
