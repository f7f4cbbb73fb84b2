"""Bundles of a real program: they verify in the workbench, with `verify.py` without it, and in C++."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.bundles import golden_of, laid_out, result_of, variant_folder
from tests.helpers.models.programs import ProgramFactory
from tests.helpers.project import workbench
from tests.helpers.variants import files
from workbench.bundle import verify_standalone as standalone
from workbench.bundle.golden import encode_wav, to_csv
from workbench.bundle.verify_standalone import AUDIO, FRAMES, MANIFEST, PROGRAM, Finding
from workbench.bundle.write import zipped
from workbench.errors import NativeHostError
from workbench.recipe.options import OUTPUTS
from workbench.recipe.stream_config import StreamConfig
from workbench.runtime.native import build

CALIB_AUDIO = Path(__file__).parent.parent.parent / "calib_audio"
OPTIONS = ("--seconds", "1.5", "--force", "--calib-audio", CALIB_AUDIO)
OUTPUT_COLUMNS = standalone.COLUMNS[3:]
THREE_STREAMS = StreamConfig(16_000, 320, 1, 1.0, max_frames_per_chunk=4, streams=3)
AS_EXPECTED = "0 not as expected; furthest: pitch 0.00000 cents, confidence 0.00e+00, volume 0.00e+00"
pytestmark = pytest.mark.slow


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def bundled(program_for: ProgramFactory, stream: StreamConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of a float program."""
    program = program_for(stream).read_bytes()
    folder = variant_folder(result_of(program, verdict="fail"), tmp_path_factory.mktemp("run"), program)
    result = workbench("bundle", folder, *OPTIONS)
    assert result.exit_code == 0, result.output
    return folder / "bundle"


@pytest.fixture
def content(bundled: Path) -> dict[str, bytes]:
    return files(bundled)


@pytest.fixture
def manifest(content: dict[str, bytes]) -> Any:
    return json.loads(content[MANIFEST])


def test_new_bundle_verifies_with_the_frames_of_a_session(bundled: Path, manifest: Any) -> None:
    from workbench.runtime.executorch import PteSession
    from workbench.runtime.session import run_chunks

    result = workbench("verify", bundled)
    assert result.exit_code == 0
    ran, compared = (line.split(maxsplit=2) for line in result.output.splitlines()[-3:-1])
    assert ran == ["ok", PROGRAM, "loads and runs here"]
    expected = standalone.read_frames(bundled / FRAMES)
    shown = (expected["confidence"] >= 0.12).sum()
    message = f"75 frames, every bit as expected; {shown} have a pitch (confidence 0.12 or more)"
    assert compared == ["ok", FRAMES, message] and manifest["confidence_threshold"] == 0.12
    assert (manifest["stream"]["sample_rate_hz"], manifest["calls"]["max_samples"]) == (16_000, 320)
    golden = manifest["golden"]
    assert (golden["calls"], golden["clips"]) == (75, ["synthetic/score/phrase-soprano"])
    assert manifest["scores"]["forced"] and golden["tolerance"]["pitch_frames"] >= 20
    frames = run_chunks(PteSession(bundled / PROGRAM), standalone.read_audio(bundled / AUDIO)[0])
    for name in OUTPUT_COLUMNS:
        np.testing.assert_array_equal(getattr(frames, name), expected[name].astype(np.float32))


def test_check_golden_finds_another_stream_and_a_lost_state(
    bundled: Path, manifest: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_clip, stream = standalone.run_clip, manifest["stream"]
    message = "is not the program of the manifest: hop_samples 320, not 480"
    other = {**manifest, "stream": {**stream, "hop_samples": 480}}
    assert standalone.check_golden(bundled, other) == [Finding(PROGRAM, False, message)]

    def reset_per_call(program: object, audio: np.ndarray, calls: list[int]) -> np.ndarray:
        return np.concatenate([run_clip(program, chunk, [1]) for chunk in np.split(audio, len(calls), -1)], -1)

    monkeypatch.setattr(standalone, "run_clip", reset_per_call)
    assert not standalone.check_golden(bundled, manifest)[1].ok


def test_verify_py_without_the_workbench(bundled: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(bundled, tmp_path / "moved")
    hide = "import runpy, sys; sys.modules['workbench'] = None; sys.argv.pop(0); "
    hide += "runpy.run_path(sys.argv[0], None, '__main__')"
    no_runtime = f"import importlib.util; importlib.util.find_spec = {{}}.get; {hide}"
    ran = run(sys.executable, "-c", hide, moved / "verify.py")
    assert ran.returncode == 0 and "75 frames, every bit as expected" in ran.stdout, ran.stderr
    assert ran.stdout.endswith("\nverified\n")
    ran = run(sys.executable, "-c", no_runtime, moved / "verify.py")
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (2, "", 1)
    assert ran.stderr.endswith("pip install executorch torch\n")
    (moved / PROGRAM).write_bytes(b"damaged")
    ran = run(sys.executable, "-c", hide, moved / "verify.py")
    assert (ran.returncode, "FAILED  program.pte" in ran.stdout) == (1, True)


def test_bundle_of_the_same_variant_is_the_same_zip(bundled: Path, content: dict[str, bytes], tmp_path: Path) -> None:
    out = tmp_path / "bundle.zip"
    out.write_bytes(zipped({**content, "README.md": b"an earlier one"}))
    words = ("bundle", bundled.parent, *OPTIONS, "--out", out)
    assert "exists already" in workbench(*words).output
    assert workbench(*words, "--overwrite").exit_code == 0
    assert files(tmp_path) == {"bundle.zip": zipped(content)}


@pytest.fixture(scope="module")
def example(bundled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle's examples, built in an empty folder by the README's commands, with sanitizers and no warnings."""
    try:
        build._cmake(), build._compiler()
    except NativeHostError as error:
        pytest.skip(str(error))
    folder = shutil.copytree(bundled, tmp_path_factory.mktemp("empty") / "bundle")
    _, commands, _ = (folder / "README.md").read_text().split("## C++")[1].replace("```sh\n", "```").split("```", 2)
    flags = "-Wall -Wextra -Werror -fsanitize=address,undefined -fno-sanitize-recover=all"
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "CFLAGS": flags, "CXXFLAGS": flags}
    built = subprocess.run(
        ["sh", "-e", "-c", commands], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stdout + built.stderr
    return folder / "build" / "pesto_example"


def test_example_compares_every_frame(
    example: Path, bundled: Path, content: dict[str, bytes], manifest: Any, tmp_path: Path
) -> None:
    ran = run(example, bundled)
    assert (ran.returncode, ran.stdout.splitlines()[-1]) == (0, f"75 frames, {AS_EXPECTED}"), ran.stderr
    header, *rows = (row.split(",") for row in content[FRAMES].decode().splitlines())
    too_sure = [[*row[:4], "2", *row[5:]] if number == 59 else row for number, row in enumerate(rows)]
    not_compared = [[*row[:6], "inf", "inf", "inf"] for row in rows]
    nan = encode_wav(np.full((1, 75 * 320), np.nan, np.float32), 16_000)
    for name, changed, audio, words in (
        ("too sure", too_sure, content[AUDIO], "75 frames, 1 not as expected"),
        ("NaN", not_compared, nan, "75 frames, 75 not as expected"),
    ):
        frames = "\n".join(",".join(row) for row in (header, *changed)).encode()
        folder = laid_out({**content, AUDIO: audio, FRAMES: frames}, tmp_path / name)
        assert not standalone.check_golden(folder, manifest)[1].ok
        ran = run(example, folder)
        assert (ran.returncode, words in ran.stdout) == (1, True), ran
    assert run(example, tmp_path).returncode == 2


def test_callbacks_of_any_size_give_the_golden_frames(
    example: Path, bundled: Path, program_for: ProgramFactory
) -> None:
    callback = example.with_name("pesto_callback")
    ran = run(callback, bundled / PROGRAM, bundled / AUDIO)
    assert (ran.returncode, ran.stderr.splitlines()[-1]) == (0, "latency: 480 samples"), ran.stderr
    rows = np.array([line.split(",") for line in ran.stdout.splitlines()], np.float64)
    np.testing.assert_array_equal(rows[:, 0], 320 * (np.arange(75) + 1))
    expected = standalone.read_frames(bundled / FRAMES)
    for column, name in enumerate(OUTPUT_COLUMNS, start=1):
        np.testing.assert_array_equal(rows[:, column].astype(np.float32), expected[name].astype(np.float32))
    for words, message in (
        ((program_for(THREE_STREAMS, "explicit"), bundled / AUDIO), "has 3 streams, and pesto.h runs programs of one"),
        ((bundled / "absent.pte", bundled / AUDIO), "absent.pte: cannot be read"),
        ((bundled / PROGRAM, bundled / FRAMES), "not a WAV of 32-bit floats, mono, at 16000 Hz"),
    ):
        ran = run(callback, *words)
        assert (ran.returncode, ran.stdout, message in ran.stderr.splitlines()[-1]) == (2, "", True), ran.stderr


def test_example_runs_streams_sizes_and_explicit_state(
    example: Path, program_for: ProgramFactory, tmp_path: Path
) -> None:
    golden = golden_of(THREE_STREAMS, (1, 4, 2, 3))
    program = program_for(THREE_STREAMS, "explicit")
    expected = standalone.run_clip(standalone.load(program), golden.audio, list(golden.calls))
    assert np.abs(expected[1, 0] - expected[1, 1]).max() > 1e-5, "the streams differ"
    frames = to_csv(replace(golden, expected=expected)).encode()
    content = {PROGRAM: program.read_bytes(), AUDIO: encode_wav(golden.audio, 16_000), FRAMES: frames}
    ran = run(example, laid_out(content, tmp_path / "bundle"))
    assert (ran.returncode, ran.stdout.splitlines()[-1]) == (0, f"10 frames, {AS_EXPECTED}"), ran.stderr


def test_example_writes_frames_that_score_reads(example: Path, program_for: ProgramFactory, tmp_path: Path) -> None:
    """Of any WAV, the last call filled up with silence: bit for bit the frames of a session."""
    from workbench.audio.decode import read_clip
    from workbench.records.frames.external import read_external_frames
    from workbench.runtime.open_program import run_program

    program, path, missing = program_for(THREE_STREAMS, "explicit"), tmp_path / "take.wav", tmp_path / "x" / "y.csv"
    samples = np.random.default_rng(1).uniform(-1, 1, (3, 3100)).astype(np.float32)
    path.write_bytes(encode_wav(samples, 16_000))
    ran = run(example, program, path, tmp_path / "all.csv")
    assert (ran.returncode, ran.stdout) == (0, f"{tmp_path / 'all.csv'}: 10 frames\n"), ran.stderr
    ran = run(example, program, path, missing)
    assert (ran.returncode, ran.stderr.endswith(f"error: {missing}: cannot be written\n")) == (2, True)
    header, *rows = (tmp_path / "all.csv").read_text().splitlines()
    assert header == "call,frame,stream,pitch_semitones,confidence,volume"
    path.write_bytes(encode_wav(samples[1:2], 16_000))
    ran = run(example, program, path, tmp_path / "mono.csv")
    wrong = f"error: {path}: the number of channels is 1, the program takes 3\n"
    assert (ran.returncode, ran.stderr.endswith(wrong), (tmp_path / "mono.csv").exists()) == (2, True, False)
    clip, table = read_clip(path, 16_000), tmp_path / "take.csv"
    table.write_text("\n".join([header, *(row for row in rows if row.split(",")[2] == "1")]))
    (recorded,) = read_external_frames([table], [clip], THREE_STREAMS, OUTPUTS).values()
    expected = run_program(program, list(samples))[1]
    for name in OUTPUT_COLUMNS:
        np.testing.assert_array_equal(getattr(recorded.frames, name), getattr(expected, name))
    assert recorded.calls == (1,) * 10
