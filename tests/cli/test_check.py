"""`check`: every mistake of every recipe in one call."""

import json
from pathlib import Path

import pytest

from tests.cli.bad_input_cases import RECIPE
from tests.helpers.project import workbench

pytestmark = pytest.mark.usefixtures("folder")


def test_check_accepts_files_and_folders() -> None:
    Path("more.yaml").write_text(RECIPE + "matrix: {mirror: [0, 1]}\n")
    result = workbench("check", "recipes", "more.yaml")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "least: ok\nmore@mirror=0: ok\nmore@mirror=1: ok\n"


def test_check_prints_json() -> None:
    (line,) = workbench("check", "recipes/least.yaml", "--json").stdout.splitlines()
    assert json.loads(line) == {"name": "least", "source": "recipes/least.yaml", "description": "A test"}


@pytest.mark.parametrize("command", ["check one.yaml recipes two.yaml", "run one.yaml two.yaml --gates gates.yaml"])
def test_every_mistake_is_reported(command: str) -> None:
    Path("one.yaml").write_text("description: A\nsample_rate_hz: 16000\nchunk_samples: 320\nmirorr: 1\nmirror: 2\n")
    Path("two.yaml").write_text(f"{RECIPE}checkpoint: mir-1k_g8\naudio: {{score: [synthetic/score/sin]}}\n")
    Path("gates.yaml").write_text("program.byts: <= 7\n")
    result = workbench(*command.split())
    assert (result.exit_code, result.stdout) == (2, "")
    assert [":".join(line.split(":")[1:3]).strip() for line in result.stderr.splitlines()] == [
        *["gates.yaml: program.byts"] * ("--gates" in command),
        "one.yaml: mirror",
        "one.yaml: mirorr",
        "two.yaml: checkpoint",
        "two.yaml: audio.score.0",
    ]


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("--variant two@mirror=1,rate=a", ["two@mirror=1,rate=a"]),
        ("--variant two@mirror=0 --variant least", ["least", "two@mirror=0,rate=a", "two@mirror=0,rate=b"]),
        ("--variant *rate=b --set mirror=0.5", ["two@rate=b,mirror=0.5"]),
    ],
)
def test_chosen_variants(words: str, names: list[str]) -> None:
    axes = "{mirror: [0, 1], rate: {a: {}, b: {streams: 2}}}"
    Path("two.yaml").write_text(f"{RECIPE}matrix: {axes}\n")
    result = workbench("check", "recipes", "two.yaml", *words.split())
    assert (result.exit_code, result.stdout) == (0, "".join(f"{name}: ok\n" for name in names))
