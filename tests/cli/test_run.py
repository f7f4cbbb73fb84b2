"""`run`: output, exit codes, which error ends the run, and the report. The variants are not built."""

import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from click.testing import Result as CliResult

from tests.cli.bad_input_cases import RECIPE
from tests.helpers.project import workbench
from workbench.errors import ChangedError, WorkbenchError
from workbench.records.environment import environment
from workbench.records.result import AlgorithmicLatency, RecipeUsed, Result, write_record

pytestmark = pytest.mark.usefixtures("folder")


def errors(result: CliResult) -> list[str]:
    """The lines on stderr that are no progress."""
    lines = [line for line in result.stderr.splitlines() if line not in ("import", "model", "audio")]
    return [line for line in lines if not line.startswith("render synthetic")]


def record(name: str, verdict: str) -> Result:
    measured = ("program", "deviation", "floor", "truth", "speed")
    return Result(
        created="2025-01-01T00:00:00+00:00",
        fingerprint="0",
        recipe=RecipeUsed(name=name, sha256="0", resolved={}),
        environment=environment(threads=1),
        audio=(),
        latency=AlgorithmicLatency(algorithmic_ms=16.0),
        **dict.fromkeys(measured),
        null_reasons=dict.fromkeys(measured, "made up"),
        verdict=verdict,
        reasons=() if verdict == "pass" else ("made up",),
    )


def outcome(place: Path, verdict: str, reused: str = "nothing", previous: Any = None) -> Any:
    """What a run of one variant returns."""
    from workbench.workflows.variant.run import Reused, RunOutcome

    return RunOutcome(place, record(place.name, verdict), Reused(reused), previous)


@pytest.fixture
def pipeline() -> ModuleType:
    from workbench.workflows import run as pipeline

    return pipeline


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        (["pass"], 0),
        (["fail"], 1),
        (["inconclusive"], 3),
        (["pass", "fail", "inconclusive"], 1),
        (["pass", "inconclusive"], 3),
    ],
)
def test_the_exit_code_is_the_worst_verdict(
    verdicts: list[str], code: int, pipeline: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("all.yaml").write_text(
        RECIPE + f"matrix: {{speed.rounds: {list(range(3, 3 + len(verdicts)))}}}\n" if len(verdicts) > 1 else RECIPE
    )
    coming = iter(verdicts)
    monkeypatch.setattr(pipeline, "run_variant", lambda job, place, *_: outcome(place, next(coming)))
    result = workbench("run", "all.yaml", "--out", "results")
    assert result.exit_code == code
    assert all(verdict in result.stdout for verdict in verdicts)
    assert result.stdout.count("made up") == len(verdicts) - verdicts.count("pass")


def test_a_run_ends_with_its_report(pipeline: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("two.yaml").write_text(RECIPE + "matrix: {mirror: [0, 1]}\n")
    monkeypatch.setattr(pipeline, "run_variant", lambda job, place, *_: outcome(place, "fail"))
    result = workbench("run", "two.yaml", "--out", "results")
    assert result.stdout.endswith("\nreport     results/report.html\n")
    assert "<title>PESTO variants: results</title>" in Path("results/report.html").read_text()
    assert "| two@mirror=1 | ❌ fail |" in Path("results/report.md").read_text()


def test_the_report_keeps_the_variants_of_earlier_calls(pipeline: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def fake(job: Any, place: Path, *_: object) -> Any:
        made = outcome(place, "fail")
        write_record(made.result, place)
        return made

    monkeypatch.setattr(pipeline, "run_variant", fake)
    for name in ("b", "a"):
        Path(f"{name}.yaml").write_text(RECIPE)
        assert workbench("run", f"{name}.yaml", "--out", "results").exit_code == 1
    spoilt = Path("results/c/result.json")
    spoilt.parent.mkdir()
    spoilt.write_text("{}")
    result = workbench("run", "b.yaml", "--out", "results")
    assert errors(result) == [
        f"left out of the report: {spoilt}: not a result of schema version 1; run the recipe again"
    ]
    lines = Path("results/report.md").read_text().splitlines()
    assert [line.split()[1] for line in lines if line.startswith("| ")] == ["variant", ":--", "b", "a"]


def test_a_verdict_that_only_gates_changed_is_told(pipeline: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("one.yaml").write_text(RECIPE)
    judged_again = outcome(Path("results/one"), "fail", "figures", "inconclusive")
    monkeypatch.setattr(pipeline, "run_variant", lambda *_: judged_again)
    result = workbench("run", "one.yaml", "--out", "results")
    assert errors(result) == ["one: nothing measured changed; its figures are judged again: was inconclusive, is fail"]


def test_json_is_one_line_for_each_variant(pipeline: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("two.yaml").write_text(RECIPE + "matrix: {mirror: [0, 1]}\n")
    monkeypatch.setattr(pipeline, "run_variant", lambda job, place, *_: outcome(place, "pass", "result"))
    result = workbench("run", "two.yaml", "--out", "results", "--json")
    answers = [json.loads(line) for line in result.stdout.splitlines()]
    assert [answer["recipe"]["name"] for answer in answers] == ["two@mirror=0", "two@mirror=1"]
    assert [answer["folder"] for answer in answers] == ["results/two@mirror=0", "results/two@mirror=1"]
    assert "two@mirror=0: nothing it depends on changed; the earlier result is used again" in errors(result)


def test_gates_from_a_file_are_laid_over_those_of_every_recipe(
    pipeline: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("one.yaml").write_text(RECIPE + "gates: {program.bytes: <= 5, deviation.frames: <= 6}\n")
    Path("gates.yaml").write_text("program.bytes: <= 7\ndeviation.frames: null\nspeed.speedup_low: '>= 8'\n")
    gates: dict[str, dict[str, str]] = {}

    def fake(job: Any, place: Path, *_: object) -> Any:
        gates[job.recipe.name] = job.recipe.resolved()["gates"]
        return outcome(place, "pass", "figures", "pass")

    monkeypatch.setattr(pipeline, "run_variant", fake)
    result = workbench("run", "one.yaml", "recipes/least.yaml", "--gates", "gates.yaml", "--out", "results")
    assert result.exit_code == 0
    assert gates == {
        "one": {"program.bytes": "<= 7", "speed.speedup_low": ">= 8"},
        "least": {"program.bytes": "<= 7", "speed.speedup_low": ">= 8"},
    }
    assert "one: nothing measured changed; its figures are judged again" in errors(result)


def test_a_run_without_out_gets_a_folder_of_its_own(pipeline: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    places: list[Path] = []

    def fake(job: object, place: Path, *_: object) -> Any:
        place.mkdir(parents=True)
        places.append(place)
        return outcome(place, "pass")

    monkeypatch.setattr(pipeline, "run_variant", fake)
    for _ in range(2):
        assert workbench("run", "recipes/least.yaml").exit_code == 0
    assert len(set(places)) == 2
    for place in places:
        assert re.fullmatch(r"outputs/\d{8}-\d{6}-least(-\d+)?/least", place.as_posix())


KILLED = "the worker process was killed (signal, resource limit or out of memory)"


@pytest.mark.parametrize(
    ("trouble", "line"),
    [
        (WorkbenchError(KILLED), KILLED),
        (MemoryError(), "out of memory; close other programs or run fewer variants at once"),
    ],
)
@pytest.mark.parametrize("as_json", [False, True])
def test_the_trouble_of_one_variant_is_not_that_of_the_others(
    trouble: Exception, line: str, as_json: bool, pipeline: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("three.yaml").write_text(RECIPE + "matrix: {mirror: [0, 0.5, 1]}\n")

    def fake(job: Any, place: Path, *_: object) -> Any:
        if job.recipe.name == "three@mirror=0.5":
            raise trouble
        return outcome(place, "fail")

    monkeypatch.setattr(pipeline, "run_variant", fake)
    result = workbench("run", "three.yaml", "--out", "results", *["--json"] * as_json)
    assert result.exit_code == 2
    assert errors(result) == [f"error: three@mirror=0.5: {line}"]
    report = Path("results/report.md").read_text()
    for mirror, there in (("0", True), ("0.5", False), ("1", True)):
        assert (f"| three@mirror={mirror} |" in report) == there
    if as_json:
        names = [json.loads(line)["recipe"]["name"] for line in result.stdout.splitlines()]
        assert names == ["three@mirror=0", "three@mirror=1"]
    else:
        assert result.stdout.endswith("\nreport     results/report.html\n")


def test_where_every_variant_is_in_trouble_there_is_nothing_to_show(
    pipeline: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise WorkbenchError(KILLED)

    monkeypatch.setattr(pipeline, "run_variant", fail)
    result = workbench("run", "recipes/least.yaml", "--out", "results")
    assert (result.exit_code, result.stdout, errors(result)) == (2, "", [f"error: least: {KILLED}"])
    assert not Path("results").exists()


@pytest.mark.parametrize("trouble", [ChangedError("changed; run again"), OSError(28, "No space left on device", "x")])
def test_what_concerns_every_variant_ends_the_run(
    trouble: Exception, pipeline: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("two.yaml").write_text(RECIPE + "matrix: {mirror: [0, 1]}\n")
    asked = []

    def fail(job: Any, *_: object) -> None:
        asked.append(job.recipe.name)
        raise trouble

    monkeypatch.setattr(pipeline, "run_variant", fail)
    assert workbench("run", "two.yaml", "--out", "results").exit_code == 2
    assert asked == ["two@mirror=0"]


def test_a_full_disk_is_one_line(pipeline: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device", "results/least/program.pte")

    monkeypatch.setattr(pipeline, "run_variant", fail)
    result = workbench("run", "recipes/least.yaml", "--out", "results")
    assert result.exit_code == 2
    assert errors(result)[-1] == ("error: results/least/program.pte: No space left on device; nothing more was written")


def test_an_interrupted_run_says_how_to_go_on(pipeline: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "run_variant", stop)
    result = workbench("run", "recipes/least.yaml", "--out", "results")
    assert result.exit_code == 130
    assert errors(result)[-1] == "interrupted; repeat the command with the same --out to resume"
