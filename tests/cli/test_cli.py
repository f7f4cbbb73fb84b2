"""The command line: what is printed where, in one line each, with which exit code, and that nothing is left behind."""

import importlib.metadata
import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from click.testing import Result as CliResult

from workbench.audio.corpus import Corpus
from workbench.cli import main
from workbench.cli._shared.group import ERROR, FAIL, INCONCLUSIVE, INTERRUPTED, TERMINATED
from workbench.errors import ChangedError, WorkbenchError
from workbench.recipe import json_schema
from workbench.records.environment import environment
from workbench.records.result import AlgorithmicLatency, RecipeUsed, Result, write_record

MANIFEST = """
calibrate:
  - {name: tone, kind: tones, notes: [57], note_s: 0.2, gap_s: 0.1, harmonics: 3, level_dbfs: -20}
score:
  - {name: sine, kind: tones, notes: [69], note_s: 0.2, gap_s: 0.1, harmonics: 1, level_dbfs: -40}
"""
RECIPE = """
description: A test
sample_rate_hz: 16000
chunk_samples: 320
mirror: 1
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project of one recipe and two tiny clips, as the current folder."""
    (tmp_path / "calib_audio").mkdir()
    (tmp_path / "calib_audio" / "manifest.yaml").write_text(MANIFEST)
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "least.yaml").write_text(RECIPE)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    logging.disable(logging.NOTSET)


def workbench(*words: str | Path) -> CliResult:
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def errors(result: CliResult) -> list[str]:
    """The lines on stderr that are no progress."""
    lines = [line for line in result.stderr.splitlines() if line not in ("import", "model", "audio")]
    return [line for line in lines if not line.startswith("render synthetic")]


def refused(*words: str | Path) -> list[str]:
    result = workbench(*words)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert not Path("outputs").exists()
    assert "Traceback" not in result.stderr
    return errors(result)


# --- help


@pytest.mark.parametrize("name", main.commands)
def test_every_command_helps_with_an_example(name: str) -> None:
    result = workbench(name, "--help")
    assert result.exit_code == 0
    assert re.search(rf"^  Example:\n    workbench {name}\b", result.stdout, flags=re.MULTILINE)
    assert workbench(name, "-h").stdout == result.stdout


def test_the_commands() -> None:
    assert {"run", "build", "check", "recipes", "schema", "audio", "track", "env"} <= set(main.commands)
    result = workbench("--help")
    assert result.exit_code == 0
    told = " ".join(result.stdout.split())
    assert "Exit codes: 0 answered, and all gates pass; 1 a gate fails" in told
    assert all(f"; {code} " in told for code in (FAIL, ERROR, INCONCLUSIVE, INTERRUPTED)) and f"{TERMINATED} " in told
    assert all(name in result.stdout for name in main.commands)


def test_python_dash_m() -> None:
    result = subprocess.run([sys.executable, "-m", "workbench", "--help"], capture_output=True, text=True, check=True)
    assert result.stdout.startswith("Usage: workbench [OPTIONS] COMMAND")
    assert result.stderr == ""


def test_help_and_check_do_not_wait_for_torch() -> None:
    code = (
        "import sys\n"
        "from workbench.cli import main\n"
        "main(['check', 'recipes/least.yaml'], standalone_mode=False)\n"
        "assert not {'torch', 'executorch', 'pesto'} & set(sys.modules), 'imported'\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (result.returncode, result.stdout, result.stderr) == (0, "least: ok\n", "")


def test_version() -> None:
    result = workbench("--version")
    assert result.stdout == f"workbench, version {importlib.metadata.version('pesto-workbench')}\n"


@pytest.mark.parametrize("words", [["fly"], ["run"], ["run", "--fast", "r.yaml"], ["track", "take.wav"], ["check"]])
def test_a_wrong_command_line_is_2(words: Sequence[str]) -> None:
    result = workbench(*words)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.splitlines()[-1].startswith("Error: ")


# --- recipes


def test_check_tells_every_mistake() -> None:
    Path("wrong.yaml").write_text(
        "description: Wrong thrice\nsample_rate_hz: 16000\nchunk_samples: 320\nmirorr: 1\nmirror: 2\nreduction: alva\n"
    )
    assert refused("check", "wrong.yaml", "recipes/least.yaml") == [
        "error: wrong.yaml: mirror: wants at most 1, got 2",
        "error: wrong.yaml: reduction: wants 'alwa', 'argmax' or 'mean', got 'alva' (did you mean 'alwa'?)",
        "error: wrong.yaml: mirorr: is not a recipe key (did you mean 'mirror'?)",
    ]


def test_check_knows_checkpoints_clips_and_metrics() -> None:
    Path("wrong.yaml").write_text(
        f"{RECIPE}checkpoint: mir-1k_g8\naudio: {{score: [synthetic/score/sin]}}\n"
        "gates: {deviation.pitch.p59_cents: <= 1}\n"
    )
    assert refused("check", "wrong.yaml") == [
        "error: wrong.yaml: checkpoint: 'mir-1k_g8' is neither a packaged checkpoint (mir-1k, mir-1k_g7) "
        "nor a .ckpt, .pt or .pth file (did you mean 'mir-1k_g7'?)",
        "error: wrong.yaml: audio.score.0: there is no clip 'synthetic/score/sin' "
        "(did you mean 'synthetic/score/sine'?)",
        "error: wrong.yaml: gates.deviation.pitch.p59_cents: is not a metric of the record "
        "(did you mean 'deviation.pitch.p95_cents'?)",
    ]


def test_check_takes_files_and_folders() -> None:
    Path("more.yaml").write_text(RECIPE + "matrix: {mirror: [0, 1]}\n")
    result = workbench("check", "recipes", "more.yaml")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "least: ok\nmore@mirror=0: ok\nmore@mirror=1: ok\n"


def test_recipes_lists_them() -> None:
    Path("recipes/another-one.yaml").write_text(RECIPE.replace("A test", "Another test"))
    result = workbench("recipes")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "another-one  Another test\nleast        A test\n"


def test_recipes_as_json_has_all_keys() -> None:
    (recipe,) = json.loads(workbench("recipes", "--json").stdout)
    assert recipe["name"] == "least"
    assert recipe["lowering"] == {
        "backend": "xnnpack",
        "toeplitz": "linear",
        "prefilter": "conv",
        "prefilter_band": 1.0,
        "scope": "whole",
    }


def test_schema_is_the_schema() -> None:
    result = workbench("schema")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == json_schema()


def test_audio_lists_and_renders() -> None:
    result = workbench("audio")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        f"{'synthetic/calibrate/tone':42}    0.3 s  known f0",
        f"{'synthetic/score/sine':42}    0.3 s  known f0",
    ]
    assert Path("calib_audio/synthetic/score/sine.flac").is_file()


def test_audio_writes_what_a_recipe_scores_at_its_rate() -> None:
    """And no clip that calibrates: frames of such a one are nobody's to `score`."""
    result = workbench("audio", "recipes/least.yaml", "--out", "clips")
    assert (result.exit_code, result.stdout) == (0, "clips/synthetic-score-sine.wav\n")
    samples, rate_hz = soundfile.read("clips/synthetic-score-sine.wav", dtype="float32")
    assert (rate_hz, soundfile.info("clips/synthetic-score-sine.wav").subtype) == (16_000, "FLOAT")
    clip = Corpus(Path("calib_audio")).read("synthetic/score/sine", 16_000)
    assert np.array_equal(samples, clip.samples)
    assert "--out and --variant want a RECIPE" in workbench("audio", "--out", "clips").stderr


def test_env_says_what_is_installed() -> None:
    found = json.loads(workbench("env", "--json").stdout)
    assert found["torch"] == importlib.metadata.version("torch")
    assert found["executorch"] == importlib.metadata.version("executorch")
    assert found["python"] == sys.version.split()[0]
    assert found["cores"] >= 1
    lines = workbench("env").stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(found)


# --- mistakes: one line each on stderr, exit code 2, nothing written


def test_a_missing_recipe() -> None:
    for command in ("run", "build", "check"):
        (line,) = refused(command, "absent.yaml")
        assert line.startswith("error: absent.yaml: ")


def test_a_missing_calib_audio_folder() -> None:
    path = Path("nowhere")
    assert refused("run", "recipes/least.yaml", "--calib-audio", path) == [
        f"error: {path / 'manifest.yaml'}: no such manifest; point to a folder that has one, such as calib_audio"
    ]


def test_a_clip_of_0_seconds() -> None:
    soundfile.write("empty.wav", np.zeros(0), 48_000)
    assert refused("run", "recipes/least.yaml", "--audio", "empty.wav") == [
        "error: empty.wav: 0 samples of audio; record it again or take it away"
    ]


def test_a_text_file_called_wav() -> None:
    Path("text.wav").write_text("this is not audio")
    assert refused("run", "recipes/least.yaml", "--audio", "text.wav") == [
        "error: text.wav: not audio that can be read (Format not recognised); convert it to wav or flac"
    ]


def test_a_missing_folder() -> None:
    assert refused("run", "recipes/least.yaml", "--audio", "absent") == [
        "error: absent: no such file or folder; check the path"
    ]


def test_a_folder_without_audio() -> None:
    Path("takes").mkdir()
    Path("takes/notes.txt").write_text("take two is better")
    assert refused("run", "recipes/least.yaml", "--audio", "takes") == [
        "error: takes: no audio in this folder; put wav, flac, ogg or mp3 files into it"
    ]


def test_a_wrong_audio_path_renders_nothing() -> None:
    refused("run", "recipes/least.yaml", "--audio", "absent")
    assert not Path("calib_audio/synthetic").exists()


def test_one_bad_clip_among_good_ones() -> None:
    Path("takes").mkdir()
    soundfile.write("takes/a.wav", np.ones(800) / 9, 8_000)
    Path("takes/b.wav").write_text("no")
    (line,) = refused("run", "recipes/least.yaml", "--audio", "takes")
    assert line.startswith("error: takes/b.wav: not audio that can be read (")


def test_a_clip_that_calibrates_does_not_score() -> None:
    workbench("audio")
    assert refused("run", "recipes/least.yaml", "--audio", "calib_audio/synthetic/calibrate/tone.flac") == [
        "error: clips that calibrate and score at once: tone (the same as synthetic/calibrate/tone); "
        "a score needs audio not yet seen"
    ]


def test_a_checkpoint_that_does_not_fit() -> None:
    Path("old.yaml").write_text(RECIPE + "checkpoint: mir-1k\n")
    (line,) = refused("run", "old.yaml")
    assert line.endswith(
        "mir-1k.ckpt: does not fit pesto-pitch's model: 6 weights missing, 2 unknown "
        "(first: encoder.prefilt_layers.0.0.weight); use mir-1k_g7"
    )


def test_a_stream_that_cannot_be() -> None:
    Path("long.yaml").write_text(RECIPE.replace("320", "64000"))
    (line,) = refused("run", "long.yaml")
    assert line.startswith("error: sample_rate_hz 16000, hop 64000 samples, mirror 1.0: upstream cannot build this ")


def test_track_does_not_write_other_formats() -> None:
    result = workbench("track", "take.wav", "--program", "program.pte", "--out", "take.txt")
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == (
        "Error: Invalid value: take.txt: cannot write that; use a name that ends in .csv, .json, .png"
    )


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (["soak", "least.yaml", "--hours", "nan"], "--hours"),
        (["bundle", "run", "--seconds", "NaN"], "--seconds"),
        (["track", "a.wav", "--program", "p.pte", "--confidence-threshold", "nan"], "--confidence-threshold"),
        (["track", "a.wav", "--program", "p.pte", "--threshold", "nan"], "--threshold"),
    ],
)
def test_nan_is_no_number(words: list[str], option: str) -> None:
    result = workbench(*words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert errors(result)[-1] == f"Error: Invalid value for '{option}': wants a number; got {words[-1]}"


def test_track_of_a_missing_program() -> None:
    soundfile.write("take.wav", np.ones(800) / 9, 8_000)
    assert refused("track", "take.wav", "--program", "absent.pte") == [
        "error: absent.pte: no such program; `workbench build RECIPE` makes one"
    ]


@pytest.mark.slow
def test_track_of_a_broken_program() -> None:
    soundfile.write("take.wav", np.ones(800) / 9, 8_000)
    Path("broken.pte").write_text("this is not a program")
    (line,) = refused("track", "take.wav", "--program", "broken.pte", "--out", "take-pitch.csv")
    assert line.startswith("error: broken.pte: not a program that this runtime can load (")
    assert not Path("take-pitch.csv").exists()


@pytest.mark.slow
def test_track_of_broken_audio(program: Path) -> None:
    Path("take.wav").write_text("this is not audio")
    assert refused("track", "take.wav", "--program", program, "--out", "take-pitch.csv") == [
        "error: take.wav: not audio that can be read (Format not recognised); convert it to wav or flac"
    ]
    assert not Path("take-pitch.csv").exists()


@pytest.mark.slow
def test_track_prints_or_writes(program: Path) -> None:
    soundfile.write("take.wav", np.ones(8000) / 9, 8_000)
    printed = workbench("track", "take.wav", "--program", program)
    assert (printed.exit_code, printed.stderr) == (0, "")
    written = workbench("track", "take.wav", "--program", program, "--out", "new/take.CSV")
    assert (written.exit_code, written.stdout) == (0, "")
    assert Path("new/take.CSV").read_text() == printed.stdout
    frames = len(printed.stdout.splitlines()) - 1
    assert written.stderr == f"new/take.CSV: {frames} frames\n"


# --- exit codes and output of a run whose variants are made up


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


@pytest.fixture
def pipeline() -> ModuleType:
    from workbench.workflows.variant import run as pipeline

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
    monkeypatch.setattr(pipeline, "run", lambda job, *_: (record(job.recipe.name, next(coming)), ""))
    result = workbench("run", "all.yaml", "--out", "results")
    assert result.exit_code == code
    assert all(verdict in result.stdout for verdict in verdicts)
    assert result.stdout.count("made up") == len(verdicts) - verdicts.count("pass")


def test_a_run_ends_with_its_report(pipeline: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("two.yaml").write_text(RECIPE + "matrix: {mirror: [0, 1]}\n")
    monkeypatch.setattr(pipeline, "run", lambda job, *_: (record(job.recipe.name, "fail"), ""))
    result = workbench("run", "two.yaml", "--out", "results")
    assert result.stdout.endswith("\nreport     results/report.html\n")
    assert "<title>PESTO variants: results</title>" in Path("results/report.html").read_text()
    assert "| two@mirror=1 | ❌ fail |" in Path("results/report.md").read_text()


def test_the_report_keeps_the_variants_of_earlier_calls(pipeline: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def fake(job: Any, place: Path, *_: object) -> tuple[Result, str]:
        made = record(job.recipe.name, "fail")
        write_record(made, place)
        return made, ""

    monkeypatch.setattr(pipeline, "run", fake)
    for name in ("b", "a"):
        Path(f"{name}.yaml").write_text(RECIPE)
        assert workbench("run", f"{name}.yaml", "--out", "results").exit_code == 1
    spoilt = Path("results/c/result.json")
    spoilt.parent.mkdir()
    spoilt.write_text("{}")
    result = workbench("run", "b.yaml", "--out", "results")
    assert errors(result) == [
        f"left out of the report: {spoilt}: not a record of schema version 1; run the recipe again"
    ]
    lines = Path("results/report.md").read_text().splitlines()
    assert [line.split()[1] for line in lines if line.startswith("| ")] == ["variant", ":--", "b", "a"]


def test_a_verdict_that_only_gates_changed_is_told(pipeline: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("one.yaml").write_text(RECIPE)
    write_record(record("one", "inconclusive"), Path("results/one"))
    monkeypatch.setattr(pipeline, "run", lambda job, *_: (record(job.recipe.name, "fail"), "figures"))
    result = workbench("run", "one.yaml", "--out", "results")
    assert errors(result) == ["one: nothing measured changed; its figures are judged again: was inconclusive, is fail"]


def test_json_is_one_line_for_each_variant(pipeline: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("two.yaml").write_text(RECIPE + "matrix: {mirror: [0, 1]}\n")
    monkeypatch.setattr(pipeline, "run", lambda job, *_: (record(job.recipe.name, "pass"), "result"))
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

    def fake(job: Any, *_: object) -> tuple[Result, str]:
        gates[job.recipe.name] = job.recipe.resolved()["gates"]
        return record(job.recipe.name, "pass"), "figures"

    monkeypatch.setattr(pipeline, "run", fake)
    result = workbench("run", "one.yaml", "recipes/least.yaml", "--gates", "gates.yaml", "--out", "results")
    assert result.exit_code == 0
    assert gates == {
        "one": {"program.bytes": "<= 7", "speed.speedup_low": ">= 8"},
        "least": {"program.bytes": "<= 7", "speed.speedup_low": ">= 8"},
    }
    assert "one: nothing measured changed; its figures are judged again" in errors(result)


def test_mistakes_in_gates_and_in_recipes_are_told_together() -> None:
    Path("wrong.yaml").write_text(RECIPE + "miror: 1\n")
    Path("gates.yaml").write_text("program.byts: <= 7\n")
    assert refused("run", "wrong.yaml", "--gates", "gates.yaml") == [
        "error: gates.yaml: program.byts: is not a metric of the record (did you mean 'program.bytes'?)",
        "error: wrong.yaml: miror: is not a recipe key (did you mean 'mirror'?)",
    ]
    assert refused("run", "recipes/least.yaml", "--gates", "no.yaml") == [
        "error: no.yaml: there is no file 'no.yaml' (did you mean 'gates.yaml'?)"
    ]


def test_a_run_without_out_gets_a_folder_of_its_own(pipeline: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    places: list[Path] = []

    def fake(job: object, place: Path, *_: object) -> tuple[Result, str]:
        place.mkdir(parents=True)
        places.append(place)
        return record("least", "pass"), ""

    monkeypatch.setattr(pipeline, "run", fake)
    for _ in range(2):
        assert workbench("run", "recipes/least.yaml").exit_code == 0
    assert len(set(places)) == 2
    for place in places:
        assert re.fullmatch(r"outputs/\d{8}-\d{6}-least(-\d+)?/least", place.as_posix())


KILLED = "the process that ran a program was killed, by hand, by a limit or for want of memory; run it again"


@pytest.mark.parametrize(
    ("trouble", "line"),
    [
        (WorkbenchError(KILLED), KILLED),
        (MemoryError(), "this machine has no memory left for it; end other programs, or ask for less at once"),
    ],
)
@pytest.mark.parametrize("as_json", [False, True])
def test_the_trouble_of_one_variant_is_not_that_of_the_others(
    trouble: Exception, line: str, as_json: bool, pipeline: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("three.yaml").write_text(RECIPE + "matrix: {mirror: [0, 0.5, 1]}\n")

    def fake(job: Any, *_: object) -> tuple[Result, str]:
        if job.recipe.name == "three@mirror=0.5":
            raise trouble
        return record(job.recipe.name, "fail"), ""

    monkeypatch.setattr(pipeline, "run", fake)
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

    monkeypatch.setattr(pipeline, "run", fail)
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

    monkeypatch.setattr(pipeline, "run", fail)
    assert workbench("run", "two.yaml", "--out", "results").exit_code == 2
    assert asked == ["two@mirror=0"]


def test_a_full_disk_is_one_line(pipeline: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device", "results/least/program.pte")

    monkeypatch.setattr(pipeline, "run", fail)
    result = workbench("run", "recipes/least.yaml", "--out", "results")
    assert result.exit_code == 2
    assert errors(result)[-1] == ("error: results/least/program.pte: No space left on device; nothing more was written")


def unread(code: str, *words: str, errors: bool = True) -> tuple[int, str]:
    """Exit code and stderr of a process whose stdout nobody reads; nor its `errors`, where false."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-c", f"from workbench.cli import main\n{code}\nmain()", *words]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE if errors else writer, text=True)
    os.close(writer)
    return done.returncode, done.stderr or ""


def test_a_reader_who_has_read_enough_changes_no_exit_code() -> None:
    Path("wrong.yaml").write_text(RECIPE + "mirorr: 1\n")
    assert unread("", "check", "recipes") == (0, "")
    assert unread("", "--help") == (0, "")
    assert unread("", "check", "wrong.yaml", errors=False) == (2, "")


@pytest.mark.parametrize("words", [[], ["--json"]])
def test_a_report_is_written_whoever_reads(words: list[str]) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parents[2])!r})\n"
        "from tests.cli.test_cli import record\nfrom workbench.workflows.variant import run as pipeline\n"
        "pipeline.run = lambda job, *_: (record(job.recipe.name, 'pass'), '')"
    )
    exit_code, says = unread(code, "run", "recipes/least.yaml", "--out", "results", *words)
    assert exit_code == 0
    assert "Broken" not in says and "error: " not in says
    assert Path("results/report.html").is_file()


def test_an_interrupted_run_says_how_to_go_on(pipeline: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "run", stop)
    result = workbench("run", "recipes/least.yaml", "--out", "results")
    assert result.exit_code == 130
    assert errors(result)[-1] == "interrupted; run, build and sweep with --out go on from what is there"


@pytest.mark.slow
def test_build_makes_a_program_and_takes_it_over() -> None:
    first = workbench("build", "recipes/least.yaml", "--out", "programs")
    assert first.exit_code == 0
    size = Path("programs/least/program.pte").stat().st_size
    line = rf"programs/least/program.pte  {size:,} bytes, loads in \d+ ms"
    assert re.fullmatch(line + "\n", first.stdout)
    again = workbench("build", "recipes/least.yaml", "--out", "programs")
    assert re.fullmatch(line + ", used again: nothing it depends on changed\n", again.stdout)


def test_int8_without_a_clip_to_calibrate_on_is_a_mistake(folder: Path) -> None:
    keys = "quantization: {parts: {encoder.narrow: int8-static}}\naudio: {calibrate: []}\n"
    (folder / "recipes" / "int8.yaml").write_text(RECIPE + keys)
    result = workbench("build", "recipes/int8.yaml", "--out", "build")
    assert result.exit_code == 2
    assert errors(result) == [
        "error: recipes/int8.yaml: audio.calibrate finds no clip in calib_audio, and int8 is calibrated on some; name "
        "some that exist"
    ]
    assert not (folder / "build").exists()
