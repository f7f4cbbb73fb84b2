"""The scripts behind docs/results/reliability.md: what they report as wrong, and the page from invented figures."""

from pathlib import Path

import pytest

from tests.helpers.records.results import stored
from tools.reliability.kill_and_resume import STAGE, seen
from tools.reliability.mixed_commands import memory_of, problem_of, torn_records
from tools.reliability.small_project import visible
from workbench.records.result import write_result

MB = 1_000_000


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
