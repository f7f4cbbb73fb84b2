"""Bundles of a real program: they verify in the workbench, with `verify.py` without it, and in C++."""

import json
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.bundles import EXAMPLE, laid_out, result_of, variant_folder
from tests.helpers.programs import ProgramFactory
from tests.helpers.project import workbench
from tests.helpers.variants import files
from workbench.bundle import verify_standalone as standalone
from workbench.bundle.golden import Golden, _tolerance, encode_wav, to_csv
from workbench.bundle.verify_standalone import AUDIO, FRAMES, MANIFEST, PROGRAM
from workbench.bundle.write import zipped
from workbench.recipe.options import OUTPUTS
from workbench.recipe.stream_config import StreamConfig

CALIB_AUDIO = Path(__file__).parent.parent.parent / "calib_audio"
OUTPUT_COLUMNS = standalone.COLUMNS[3:]
pytestmark = pytest.mark.slow


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def bundled(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of the session's float program."""
    content = program.read_bytes()
    run = variant_folder(result_of(content, verdict="fail"), tmp_path_factory.mktemp("run"), content)
    result = workbench("bundle", run, "--seconds", "1.5", "--force", "--calib-audio", CALIB_AUDIO)
    assert result.exit_code == 0, result.output
    return run / "bundle"


@pytest.fixture
def content(bundled: Path) -> dict[str, bytes]:
    return files(bundled)


def test_verify_of_a_new_bundle(bundled: Path) -> None:
    result = workbench("verify", bundled)
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[-3:-1] == [
        f"ok      {PROGRAM:23}  loads and runs here",
        f"ok      {FRAMES:23}  75 frames, every bit as expected",
    ]
    manifest = json.loads((bundled / MANIFEST).read_text())
    assert (manifest["stream"]["sample_rate_hz"], manifest["calls"]["max_samples"]) == (16_000, 320)
    golden = manifest["golden"]
    assert (golden["calls"], golden["clips"]) == (75, ["synthetic/score/phrase-soprano"])
    assert manifest["scores"]["forced"] and golden["tolerance"]["pitch_frames"] >= 20


def test_golden_frames_are_those_of_a_session(bundled: Path) -> None:
    from workbench.runtime.executorch import PteSession
    from workbench.runtime.session import run_chunks

    frames = run_chunks(PteSession(bundled / PROGRAM), standalone.read_audio(bundled / AUDIO)[0])
    expected = standalone.read_frames(bundled / FRAMES)
    for name in OUTPUT_COLUMNS:
        np.testing.assert_array_equal(getattr(frames, name), expected[name].astype(np.float32))


def test_verify_py_without_the_workbench(bundled: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(bundled, tmp_path / "moved")
    hide = "import runpy, sys; sys.modules['workbench'] = None; sys.argv.pop(0); "
    hide += "runpy.run_path(sys.argv[0], None, '__main__')"
    no_runtime = f"import importlib.util; importlib.util.find_spec = {{}}.get; {hide}"
    ran = run(sys.executable, "-c", hide, moved / "verify.py")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.endswith("75 frames, every bit as expected\nverified\n")
    ran = run(sys.executable, "-c", no_runtime, moved / "verify.py")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == (
        f"error: {moved}: every file is as bundled, but the runtime of the program is not installed; "
        "pip install executorch torch\n"
    )
    (moved / PROGRAM).write_bytes(b"damaged")
    ran = run(sys.executable, "-c", hide, moved / "verify.py")
    assert (ran.returncode, "FAILED  program.pte" in ran.stdout) == (1, True)


def test_bundle_of_the_same_variant_is_the_same_zip(bundled: Path, content: dict[str, bytes], tmp_path: Path) -> None:
    out = tmp_path / "bundle.zip"
    out.write_bytes(zipped({**content, "README.md": b"an earlier one"}))
    words = ("bundle", bundled.parent, "--seconds", "1.5", "--force", "--out", out)
    assert workbench(*words).output.startswith(f"error: {out}: exists already")
    assert workbench(*words, "--overwrite").exit_code == 0
    assert out.read_bytes() == zipped(content)
    assert [path.name for path in tmp_path.iterdir()] == ["bundle.zip"]


def test_verify_finds_a_lost_state(bundled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = json.loads((bundled / MANIFEST).read_text())
    run_clip = standalone.run_clip

    def reset_per_call(program: object, audio: np.ndarray, calls: list[int]) -> np.ndarray:
        return np.concatenate([run_clip(program, chunk, [1]) for chunk in np.split(audio, len(calls), -1)], -1)

    monkeypatch.setattr(standalone, "run_clip", reset_per_call)
    assert not standalone.check_golden(bundled, manifest)[1].ok


def test_verify_finds_a_program_of_another_stream(bundled: Path) -> None:
    manifest = json.loads((bundled / MANIFEST).read_text())
    manifest["stream"]["hop_samples"] = 480
    message = "is not the program of the manifest: hop_samples 320, not 480"
    assert standalone.check_golden(bundled, manifest) == [standalone.Finding(PROGRAM, False, message)]


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The C++ example, built against the wheel's headers and its one library, which is Python's module."""
    import executorch

    library = sysconfig.get_config_var("INSTSONAME") or ""
    if shutil.which("g++") is None or ".so" not in library:
        pytest.skip("no g++, or a Python without a shared library")
    wheel, built = Path(next(iter(executorch.__path__))), tmp_path_factory.mktemp("example") / "pesto_example"
    include, python = wheel / "include", Path(sysconfig.get_config_var("LIBDIR"))
    (module,) = (wheel / "extension" / "pybindings").glob("_portable_lib*.so")
    command = ["g++", "-std=c++17", "-O1", "-DC10_USING_CUSTOM_GENERATED_MACROS", EXAMPLE, "-o", built]
    command += ["-I", include, "-I", include / "executorch" / "runtime" / "core" / "portable_type" / "c10"]
    logging = wheel / "backends" / "qualcomm" / "libqnn_executorch_backend.so"
    command += [module, logging, python / library, "-Wl,--no-as-needed,--allow-shlib-undefined"]
    command += [f"-Wl,-rpath,{module.parent}:{logging.parent}:{python}"]
    subprocess.run(command, check=True)
    return built


def test_example_runs_the_bundle(example: Path, bundled: Path, content: dict[str, bytes], tmp_path: Path) -> None:
    ran = run(example, bundled)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines()[-1].startswith("75 frames, 0 not as expected; furthest: pitch 0.00000 cents")
    rows = [row.split(",") for row in content[FRAMES].decode().splitlines()]
    rows[60][4] = "2"
    frames = "\n".join(",".join(row) for row in rows).encode()
    ran = run(example, laid_out({**content, FRAMES: frames}, tmp_path / "other"))
    assert ran.returncode == 1
    assert "75 frames, 1 not as expected" in ran.stdout
    assert run(example, tmp_path).returncode == 2


def test_nan_is_found_if_nothing_is_compared(example: Path, content: dict[str, bytes], tmp_path: Path) -> None:
    rows = [row.split(",") for row in content[FRAMES].decode().splitlines()]
    rows[1:] = [[*row[:6], "inf", "inf", "inf"] for row in rows[1:]]
    audio = encode_wav(np.full((1, 75 * 320), np.nan, np.float32), 16_000)
    frames = "\n".join(",".join(row) for row in rows).encode()
    folder = laid_out({**content, AUDIO: audio, FRAMES: frames}, tmp_path / "nan")
    assert not standalone.check_golden(folder, json.loads(content[MANIFEST]))[1].ok
    ran = run(example, folder)
    assert (ran.returncode, "75 frames, 0 not" in ran.stdout) == (1, False), ran.stderr


def test_example_with_streams_sizes_and_explicit_state(
    example: Path, program_for: ProgramFactory, tmp_path: Path
) -> None:
    (tmp_path / "golden").mkdir()
    stream = StreamConfig(16_000, 320, 1, 1.0, max_frames_per_chunk=4, streams=3)
    shutil.copyfile(program_for(stream, "explicit"), tmp_path / PROGRAM)
    calls = (1, 4, 2, 3)
    audio = np.random.default_rng(0).uniform(-1, 1, (3, 3200)).astype(np.float32)
    expected = standalone.run_clip(standalone.load(tmp_path / PROGRAM), audio, list(calls))
    assert np.abs(expected[1, 0] - expected[1, 1]).max() > 1e-5, "the streams differ"
    within, tolerance = _tolerance(expected, expected[None], 0)
    golden = Golden(("a", "b", "c"), audio, calls, expected, within, tolerance)
    (tmp_path / AUDIO).write_bytes(encode_wav(audio, 16_000))
    (tmp_path / FRAMES).write_text(to_csv(golden))
    ran = run(example, tmp_path)
    assert ran.returncode == 0, ran.stderr
    words = "10 frames, 0 not as expected; furthest: pitch 0.00000 cents, confidence 0.00e+00, volume 0.00e+00"
    assert ran.stdout.splitlines()[-1] == words


def test_example_writes_frames_that_score_reads(example: Path, program_for: ProgramFactory, tmp_path: Path) -> None:
    """Of any WAV, the last call filled up with silence: bit for bit the frames of a session."""
    from workbench.audio.decode import read_clip
    from workbench.records.external_frames import read_external_frames
    from workbench.runtime.open_program import run_program

    stream = StreamConfig(16_000, 320, 1, 1.0, max_frames_per_chunk=4, streams=3)
    program, path = program_for(stream, "explicit"), tmp_path / "take.wav"
    samples = np.random.default_rng(1).uniform(-1, 1, (3, 3100)).astype(np.float32)
    path.write_bytes(encode_wav(samples, 16_000))
    ran = run(example, program, path, tmp_path / "all.csv")
    assert (ran.returncode, ran.stdout) == (0, f"{tmp_path / 'all.csv'}: 10 frames\n"), ran.stderr
    header, *rows = (tmp_path / "all.csv").read_text().splitlines()
    assert header == "call,frame,stream,pitch_semitones,confidence,volume"
    path.write_bytes(encode_wav(samples[1:2], 16_000))
    clip, table = read_clip(path, 16_000), tmp_path / "take.csv"
    table.write_text("\n".join([header, *(row for row in rows if row.split(",")[2] == "1")]))
    (recorded,) = read_external_frames([table], [clip], stream, OUTPUTS).values()
    expected = run_program(program, list(samples))[1]
    for name in OUTPUT_COLUMNS:
        np.testing.assert_array_equal(getattr(recorded.frames, name), getattr(expected, name))
    assert recorded.calls == (1,) * 10
    missing = tmp_path / "x" / "y.csv"
    ran = run(example, program, path, missing)
    assert ran.returncode == 2
    assert ran.stderr.endswith(f"error: {missing}: cannot be written\n")
