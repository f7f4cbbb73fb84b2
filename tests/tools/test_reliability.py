"""The scripts behind docs/results/reliability.md: what they report as wrong, and the page from invented figures."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.results import stored
from tools.docs import reliability
from tools.reliability import mixed_commands
from tools.reliability.kill_and_resume import STAGE, seen, visible
from tools.reliability.mixed_commands import by_command, memory_of, problem_of, torn_records
from workbench.records.result import write_result

HERE = {
    "created": "2026-11-23T07:35:00+00:00",
    "environment": {"cpu": "A CPU", "cores": 2, "torch": "2.13", "executorch": "1.4", "commit": "abc"},
}
WHERE = "2026-11-23, workbench abc, A CPU, 2 cores, torch 2.13, executorch 1.4.\n"
BUILT = {"variant": "float_a", "bytes": 1234, "sha256": "0123456789abcdef0", "first_difference": None}
BUILDS = {**HERE, "builds": [BUILT, {**BUILT, "first_difference": 0}]}
MB = 1_000_000


def rows(text: str) -> list[list[str]]:
    """The table's rows, without its head."""
    lines = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("|")]
    return lines[2:]


def soaked(*wrong: str) -> dict[str, Any]:
    memory = [memory_of([100 * MB, 200 * MB, 200 * MB + 1] * 10)[0], memory_of([300 * MB] * 3)[0]]
    lines = [{"command": "runs", "code": code, "took_s": took_s} for code, took_s in ((0, 1.0), (2, 3.0), (0, 2.0))]
    figures = {"minutes": 45.0, "workers": 2, "commands": 3, "records": 7, "memory": memory}
    return {**HERE, **figures, "by_command": by_command(lines), "wrong": list(wrong)}


def test_pages_state_kept_figures_and_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reliability, "STORED", tmp_path)
    assert reliability.page() == reliability.HEAD
    for name, figures in (("soak", soaked()), ("builds", BUILDS)):
        (tmp_path / f"{name}.json").write_text(json.dumps(figures))
    titles = [line for line in reliability.page().splitlines() if line.startswith("## ")]
    assert titles == ["## 45 minutes of mixed commands", "## Built twice"]
    built = [
        ["float\\_a", "1,234", "0123456789abcdef…", result] for result in ("the same bytes", "differs from byte 0 on")
    ]
    text = reliability._builds(BUILDS)
    assert rows(text) == built and text.endswith(WHERE)
    tried = [
        {"choices": {"encoder": scheme}, "refused": refused, "failed": failed}
        for scheme, refused, failed in (("a", "", ""), ("b", "no b", "x"), ("c", "no b", "x"), ("d", "", "y"))
    ]
    text = reliability._combinations({**HERE, "tried": tried})
    assert "**1** that `check` accepts run, **2** that it refuses do not. It accepts 1 that do not run, and" in text
    assert '- `{"encoder": "d"}`: y\n' in text and rows(text) == [["no b", "2"]]
    kill = {"after_s": 3.21, "stage": "audio", "found": "none", "resumed_s": 9.0, "reused": "", "wrong": []}
    torn = {**kill, "stage": "", "reused": "program is used again", "wrong": ["a|b", "no record"]}
    text = reliability._kills({**HERE, "kills": [kill, torn]})
    assert "**1 of 2** ended with the result" in text and text.endswith(WHERE)
    assert rows(text) == [
        ["3.2", "audio", "none", "9.0", "nothing", "as uninterrupted"],
        ["3.2", "not kept", "none", "9.0", "program is used again", "a\\|b; no record"],
    ]


def test_page_of_a_soak_agrees_with_its_output(capsys: pytest.CaptureFixture[str]) -> None:
    text = reliability._soak(soaked())
    assert "200, 200, 200 (" in text and " a command, most 200); not judged (most 300). 7 results" in text
    assert "Every result is complete; nothing was left behind." in text and text.endswith(WHERE)
    assert rows(text) == [["runs", "3", "0 (2×), 2 (1×)", "2.0"]]
    figures = soaked("runs: ended with 2: 'a*b'", "hidden file: x")
    text = reliability._soak(figures)
    assert "7 results at the end. Wrong: runs: ended with 2: 'a\\*b'; hidden file: x." in text
    mixed_commands.show(figures)
    printed = capsys.readouterr().out
    assert "ended with 0 (2×), 2 (1×)" in printed and "worker 1: resident MB not judged (most 300)" in printed
    assert "WRONG  hidden file: x\n2 things wrong\n" in printed and "complete" not in text + printed


@pytest.mark.parametrize(
    ("memory_mb", "growth_mb", "wrong"),
    [
        ([100] * 10 + [200] * 20, 0, []),
        ([100 + 2 * index for index in range(60)], 2, ["memory grew: 159 to 199 MB"]),
        ([100] * 29, None, ["29 are too few commands to judge memory"]),
        ([], None, ["0 are too few commands to judge memory"]),
    ],
    ids=["flat", "grows", "few", "none"],
)
def test_memory_is_judged(memory_mb: list[int], growth_mb: float | None, wrong: list[str]) -> None:
    memory, found = memory_of([size * MB for size in memory_mb])
    growth = memory["grew_bytes_per_command"]
    assert found == wrong
    assert growth is None if growth_mb is None else growth == pytest.approx(growth_mb * MB, abs=1)


TAKEN = "error: float: outputs/shared/float: in use by another workbench process; wait for it to finish"


@pytest.mark.parametrize(
    ("name", "code", "output", "wrong"),
    [
        ("run the same", 2, TAKEN, ""),
        ("run the same", 2, "error: float: the disk is full", "ended with 2 and does not say"),
        ("run the same", 0, "variant  verdict\nfloat    pass     0.1", ""),
        ("run float", 0, "variant  verdict\nfloat    fail     0.1", "ended with 0 and does not say"),
        ("run float", 2, TAKEN, "ended with 2: "),
        ("run float", 3, "float\n  inconclusive: only 3 voiced frames", "ended with 3 and does not say"),
        ("report", 2, "error: outputs/first: has no result.json; `workbench run` writes one", ""),
        ("verify", 0, "FAILED  program.pte  is missing\nNOT verified", "ended with 0 and does not say"),
        ("verify", 0, "Traceback (most recent call last):\nverified", "says 'Traceback'"),
        ("no recipe", 2, "error: internal error; please report it", "says 'internal error'"),
    ],
)
def test_a_commands_output_is_checked(name: str, code: int, output: str, wrong: str) -> None:
    found = problem_of(name, code, output)
    assert found.startswith(wrong) and bool(found) == bool(wrong)


def test_incomplete_results_are_reported(tmp_path: Path) -> None:
    place = tmp_path / "outputs" / "run" / "a"
    record = write_result(stored(), place)
    record.with_name("result-20261123-065230.json").write_text('{"half')
    count, (aside, program) = torn_records(tmp_path)
    assert count == 2
    assert aside.startswith("outputs/run/a/result-20261123-065230.json: ") and "not a result" in aside
    assert program.startswith("outputs/run/a/result.json: ") and "No such file" in program
    (place / "program.pte").write_bytes(b"another")
    assert "outputs/run/a/result.json: not the program that the result names" in torn_records(tmp_path)[1]


def test_all_files_of_a_killed_run_are_compared(tmp_path: Path) -> None:
    write_result(stored(verdict="fail"), tmp_path)
    (tmp_path / "program.pte").write_bytes(b"its own")
    earlier = visible(tmp_path)
    assert seen(tmp_path, earlier) == ("the earlier", [])
    (tmp_path / "program.pte").write_bytes(b"of the new one")
    (tmp_path / "new.npz").write_bytes(b"")
    assert seen(tmp_path, earlier) == ("the earlier", ["not as in the earlier result: ['new.npz', 'program.pte']"])
    (tmp_path / "result.json").rename(tmp_path / "result-1.json")
    assert seen(tmp_path, earlier) == ("none", [])
    write_result(stored(), tmp_path)
    assert seen(tmp_path, earlier, {"result.json", "program.pte", "frames/a.npz"}) == (
        "the new",
        [
            "the program is not the one that the result names",
            "not the files of the new result: ['frames/a.npz', 'new.npz']",
        ],
    )
    (tmp_path / "result.json").write_text('{"half')
    assert seen(tmp_path, earlier)[0] == "torn"
    for name in ("result.json", "result-1.json"):
        (tmp_path / name).unlink()
    assert seen(tmp_path, earlier) == ("none", ["the earlier result is lost"])
    assert seen(tmp_path, None) == ("none", [])


STAGES = ("import", "render synthetic clips", "r (1 of 1): lower")
OTHER_LINES = ("UserWarning: import of a model (1 of 2)", "error: r: the disk is full", "left alive: python")


def test_stage_is_not_a_warning() -> None:
    assert [line for line in STAGES + OTHER_LINES if STAGE.fullmatch(line)] == list(STAGES)
