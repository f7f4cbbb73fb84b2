"""`run`: output, exit codes, which error ends the run, and the report. The variants are not built."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result as CliResult

from tests.cli.bad_input_cases import RECIPE
from tests.helpers.project import last_error, workbench
from tests.helpers.records.results import lost, stored
from workbench.errors import ChangedError, WorkbenchError
from workbench.records.result import Result, write_result

pytestmark = pytest.mark.usefixtures("folder")

NAMES = ("r@mirror=0", "r@mirror=0.5", "r@mirror=1")
NOT_INSTALLED = "onnx not installed: pip install 'pesto-workbench[onnx]'"
KILLED = "the worker process was killed"
Outcome = str | tuple[Any, ...] | BaseException
RunVariants = Callable[..., CliResult]


def notes(result: CliResult) -> list[str]:
    """The lines on stderr that are no progress."""
    lines = [line for line in result.stderr.splitlines() if line not in ("import", "model", "audio")]
    return [line for line in lines if not re.match(r"render synthetic|\d+ variants?\b|\d+ of \d+ variants done", line)]


def stored_result(name: str, verdict: str) -> Result:
    reasons, not_run_here = () if verdict == "pass" else ("a reason",), ""
    if verdict == NOT_INSTALLED:
        verdict, not_run_here = "inconclusive", NOT_INSTALLED
    return lost(stored(renamed=name)).replace(verdict=verdict, reasons=reasons, not_run_here=not_run_here)


@pytest.fixture
def ran() -> list[Any]:
    """The variants that were run."""
    return []


@pytest.fixture
def run_variants(ran: list[Any], monkeypatch: pytest.MonkeyPatch) -> RunVariants:
    """Runs r.yaml with these outcomes: a verdict, an error, or (verdict, reused, previous verdict, archived files)."""
    from workbench.workflows import run
    from workbench.workflows.variant.run import Reused, RunOutcome

    def run_variants(outcomes: list[Outcome], *words: str, keys: str = "") -> CliResult:
        def fake(variant: Any, folder: Path, *_: object) -> RunOutcome:
            ran.append(variant)
            outcome = outcomes[len(ran) - 1]
            if isinstance(outcome, BaseException):
                raise outcome
            verdict, reused, *more = (outcome, "nothing") if isinstance(outcome, str) else outcome
            result = stored_result(variant.name, verdict)
            write_result(result, folder)
            return RunOutcome(folder, result, Reused(reused), *more)

        monkeypatch.setattr(run, "run_variant", fake)
        mirrors = ", ".join(name.rpartition("=")[2] for name in NAMES[: len(outcomes)])
        Path("r.yaml").write_text(RECIPE + keys + (f"matrix: {{mirror: [{mirrors}]}}\n" if len(outcomes) > 1 else ""))
        ran.clear()
        return workbench("run", "r.yaml", *words)

    return run_variants


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        (["pass"], 0),
        (["fail"], 1),
        (["inconclusive"], 3),
        (["pass", "fail", "inconclusive"], 1),
        (["pass", "inconclusive"], 3),
        (["pass", WorkbenchError(KILLED), "fail"], 2),
    ],
)
def test_exit_code_is_of_the_worst_variant(outcomes: list[Outcome], code: int, run_variants: RunVariants) -> None:
    result = run_variants(outcomes, "--out", "results")
    verdicts = [outcome for outcome in outcomes if isinstance(outcome, str)]
    assert result.exit_code == code
    assert all(verdict in result.stdout for verdict in verdicts)
    assert result.stdout.count("a reason") == len(verdicts) - verdicts.count("pass")


@pytest.mark.parametrize(
    ("outcome", "line"),
    [
        (("pass", "program"), "r: unchanged: program reused"),
        (("pass", "result"), "r: unchanged: result reused"),
        (("pass", "scores"), "r: unchanged: scores reused, timing repeated (it was inconclusive)"),
        (("pass", "figures", "pass"), "r: measurements reused, gates re-evaluated"),
        (("fail", "figures", "pass"), "r: measurements reused, gates re-evaluated: pass -> fail"),
        (("pass", "nothing", None, (Path("result-1.json"),)), "r: the earlier result was renamed to result-1.json"),
    ],
)
def test_note_on_what_was_reused(outcome: Outcome, line: str, run_variants: RunVariants) -> None:
    assert notes(run_variants([outcome], "--out", "results")) == [line]


def test_missing_extra_is_one_line_and_an_error(run_variants: RunVariants) -> None:
    result = run_variants([NOT_INSTALLED], "--out", "results")
    assert (result.exit_code, notes(result)) == (2, [f"error: r: {NOT_INSTALLED}"])
    assert "inconclusive" in result.stdout and Path("results/report.html").is_file()


def test_report_has_the_results_of_earlier_runs(run_variants: RunVariants) -> None:
    write_result(stored_result("a", "fail"), Path("results/a"))
    broken = Path("results/c/result.json")
    broken.parent.mkdir()
    broken.write_text("{}")
    (line,) = notes(run_variants(["fail"], "--out", "results"))
    assert line.startswith(f"left out of the report: {broken}: ")
    lines = Path("results/report.md").read_text().splitlines()
    assert [line.split()[1] for line in lines if line.startswith("| ")] == ["variant", ":--", "r", "a"]


def test_json_is_one_line_per_variant(run_variants: RunVariants) -> None:
    result = run_variants(["pass", WorkbenchError(KILLED), "pass"], "--out", "results", "--json")
    printed = [json.loads(line) for line in result.stdout.splitlines()]
    assert [result["recipe"]["name"] for result in printed] == ["r@mirror=0", "r@mirror=1"]
    assert [result["folder"] for result in printed] == ["results/r@mirror=0", "results/r@mirror=1"]


def test_gates_of_a_file_override_those_of_the_recipe(run_variants: RunVariants, ran: list[Any]) -> None:
    Path("gates.yaml").write_text("program.bytes: <= 7\ndeviation.frames: null\nspeed.speedup_low: '>= 8'\n")
    keys = "gates: {program.bytes: <= 5, deviation.frames: <= 6}\n"
    run_variants(["pass"], "--gates", "gates.yaml", "--out", "results", keys=keys)
    assert ran[0].recipe.resolved()["gates"] == {"program.bytes": "<= 7", "speed.speedup_low": ">= 8"}


def test_set_is_kept_in_the_name_and_in_the_recipe(run_variants: RunVariants, ran: list[Any]) -> None:
    result = run_variants(["pass", "pass"], "--set", "speed.rounds=5", "--variant", "*mirror=0.5*", "--out", "results")
    assert result.exit_code == 0
    (variant,) = ran
    assert (variant.name, variant.recipe.resolved()["speed"]["rounds"]) == ("r@mirror=0.5,speed.rounds=5", 5)
    assert Path("results/r@mirror=0.5,speed.rounds=5/result.json").is_file()


def test_run_without_out_creates_a_dated_folder(run_variants: RunVariants) -> None:
    for _ in range(2):
        assert run_variants(["pass"]).exit_code == 0
    folders = [path.name for path in Path("outputs").iterdir()]
    assert len(folders) == 2
    assert all(re.fullmatch(r"\d{8}-\d{6}-r(-\d+)?", name) for name in folders)


@pytest.mark.parametrize(("error", "word"), [(WorkbenchError(KILLED), KILLED), (MemoryError(), "out of memory")])
def test_error_of_one_variant_does_not_stop_the_others(error: Exception, word: str, run_variants: RunVariants) -> None:
    result = run_variants(["fail", error, "fail"], "--out", "results")
    assert result.exit_code == 2
    (line,) = notes(result)
    assert line.startswith(f"error: r@mirror=0.5: {word}")
    report = Path("results/report.md").read_text()
    assert [name for name in NAMES if f"| {name} |" in report] == ["r@mirror=0", "r@mirror=1"]
    assert result.stdout.endswith("\nreport        results/report.html\n") and Path("results/report.html").is_file()


def test_run_without_a_result_writes_nothing(run_variants: RunVariants) -> None:
    result = run_variants([WorkbenchError(KILLED)], "--out", "results")
    assert (result.exit_code, result.stdout, notes(result)) == (2, "", [f"error: r: {KILLED}"])
    assert not Path("results").exists()


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (ChangedError("a.ckpt: changed"), 2, "error: a.ckpt: changed"),
        (OSError(28, "No space left", "r/a.pte"), 2, "error: r/a.pte: No space left; nothing more was written"),
        (
            KeyboardInterrupt(),
            130,
            "interrupted; 0 of 2 variants are finished; go on with: workbench run r.yaml --out results",
        ),
    ],
)
def test_error_of_every_variant_ends_the_run(
    error: BaseException, code: int, line: str, run_variants: RunVariants, ran: list[Any]
) -> None:
    result = run_variants([error, "pass"], "--out", "results")
    assert (result.exit_code, last_error(result), len(ran)) == (code, line, 1)


def test_interrupted_run_leaves_the_report_and_names_the_command(run_variants: RunVariants) -> None:
    result = run_variants(["pass", KeyboardInterrupt(), "pass"], "--set", "speed.rounds=5,6", "--variant", "*rounds=5")
    (folder,) = Path("outputs").iterdir()
    assert (result.exit_code, last_error(result)) == (
        130,
        f"interrupted; 1 of 3 variants are finished, see {folder}/report.html; "
        f"go on with: workbench run r.yaml --set speed.rounds=5,6 --variant '*rounds=5' --out {folder}",
    )
    assert (folder / "report.html").is_file() and "| r@mirror=0,speed.rounds=5 |" in (folder / "report.md").read_text()


_SOURCES = r"by earlier runs on this machine|if this machine is as fast as .+, \d+ cores"
_HOW_MUCH = rf"^3 variants(, about \d+ \w+ ({_SOURCES}))?, in results$"


def test_run_says_how_much_there_is_to_do(run_variants: RunVariants) -> None:
    lines = run_variants(["pass"] * 3, "--set", "speed.rounds=5,6", "--variant", "*rounds=5", "--out", "results").stderr
    assert re.search(_HOW_MUCH, lines, re.MULTILINE)
    assert [line.partition(" done")[0] for line in lines.splitlines() if " done in " in line] == [
        "1 of 3 variants",
        "2 of 3 variants",
    ]
    assert "variants; --variant" not in lines


def test_many_variants_are_said_first(run_variants: RunVariants) -> None:
    lines = run_variants(["pass"] * 6, "--set", "speed.rounds=5,6", "--variant", "*mirror=*").stderr.splitlines()
    assert lines[0] == "6 variants; --variant chooses some of them"


def test_quiet_run_prints_only_results_and_errors(run_variants: RunVariants) -> None:
    outcomes = [("pass", "program"), WorkbenchError(KILLED), "pass"]
    result = run_variants(outcomes, "--quiet", "--out", "results", "--json")
    assert (result.stderr, len(result.stdout.splitlines())) == (f"error: r@mirror=0.5: {KILLED}\n", 2)
