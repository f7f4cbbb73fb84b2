"""Bundles of a real program: they verify in the workbench, with `verify.py` without it, and in C++."""

import json
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from tests.bundle.test_write import EXAMPLE, ROOT, laid_out, measured, resealed
from tests.helpers.programs import ProgramFactory
from workbench.bundle import verify_standalone as standalone
from workbench.bundle.golden import Golden, _tolerance, encode_wav, to_csv
from workbench.bundle.verify_standalone import AUDIO, FRAMES, MANIFEST, PROGRAM
from workbench.bundle.write import zipped
from workbench.cli import main
from workbench.recipe.stream_config import StreamConfig
from workbench.records.result import write_record

pytestmark = pytest.mark.slow


def workbench(*words: str | Path) -> Result:
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def variant(program: Path, folder: Path, **changes: object) -> Path:
    """The folder that a run would leave of this program; its figures are another program's."""
    record = measured(**changes)
    assert record.program is not None
    content = program.read_bytes()
    sha256 = standalone.hashlib.sha256(content).hexdigest()
    record = record.model_copy(
        update={"program": record.program.model_copy(update={"sha256": sha256, "bytes": len(content)})}
    )
    folder.mkdir(parents=True)
    write_record(record, folder)
    (folder / "program.pte").write_bytes(content)
    return folder


@pytest.fixture(scope="module")
def bundled(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of the session's float program."""
    run = variant(program, tmp_path_factory.mktemp("run") / "float", verdict="fail", reasons=("made up",))
    result = workbench("bundle", run, "--seconds", "1.5", "--force", "--calib-audio", ROOT / "calib_audio")
    assert result.exit_code == 0, result.output
    return run / "bundle"


@pytest.fixture
def content(bundled: Path) -> dict[str, bytes]:
    return {path.relative_to(bundled).as_posix(): path.read_bytes() for path in bundled.rglob("*") if path.is_file()}


def test_a_bundle_verifies(bundled: Path) -> None:
    result = workbench("verify", bundled)
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[-3:-1] == [
        f"ok      {PROGRAM:23}  loads and runs here",
        f"ok      {FRAMES:23}  75 frames, every bit as expected",
    ]
    stated = json.loads((bundled / MANIFEST).read_text())
    assert (stated["stream"]["sample_rate_hz"], stated["calls"]["max_samples"], stated["golden"]["calls"]) == (
        16_000,
        320,
        75,
    )
    assert stated["scores"]["forced"] and stated["golden"]["tolerance"]["pitch_frames"] >= 20
    assert stated["golden"]["clips"] == ["synthetic/score/phrase-soprano"]


def test_the_expected_frames_are_what_a_session_gives(bundled: Path) -> None:
    from workbench.runtime.executorch import PteSession
    from workbench.runtime.session import run_chunks

    frames = run_chunks(PteSession(bundled / PROGRAM), standalone.read_audio(bundled / AUDIO)[0])
    expected = standalone.read_frames(bundled / FRAMES)
    np.testing.assert_array_equal(frames.pitch_semitones, expected["pitch_semitones"].astype(np.float32))
    np.testing.assert_array_equal(frames.confidence, expected["confidence"].astype(np.float32))
    np.testing.assert_array_equal(frames.volume, expected["volume"].astype(np.float32))


def test_verify_py_says_the_same_without_the_workbench(bundled: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(bundled, tmp_path / "moved")
    hide = "import runpy, sys; sys.modules['workbench'] = None; sys.argv.pop(0); "
    hide += "runpy.run_path(sys.argv[0], None, '__main__')"
    command = [sys.executable, "-c", hide, moved / "verify.py"]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.endswith("75 frames, every bit as expected\nverified\n")
    bare = subprocess.run(
        [*command[:2], f"import importlib.util; importlib.util.find_spec = {{}}.get; {hide}", command[3]],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert (bare.returncode, bare.stdout) == (2, "")
    assert bare.stderr == (
        f"error: {moved}: every file is as bundled, but the runtime of the program is not installed; "
        "pip install executorch torch\n"
    )
    damaged = (moved / PROGRAM).read_bytes()
    (moved / PROGRAM).write_bytes(damaged[:-1] + bytes([damaged[-1] ^ 1]))
    ran = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (ran.returncode, "FAILED  program.pte" in ran.stdout) == (1, True)


def test_the_same_run_gives_the_same_zip(bundled: Path, content: dict[str, bytes], tmp_path: Path) -> None:
    out = tmp_path / "bundle.zip"
    out.write_bytes(zipped({**content, "README.md": b"an earlier one"}))
    words = ("bundle", bundled.parent, "--seconds", "1.5", "--force", "--out", out)
    assert workbench(*words).output.startswith(f"error: {out}: exists already")
    assert workbench(*words, "--overwrite").exit_code == 0
    assert out.read_bytes() == zipped(content)
    assert [path.name for path in tmp_path.iterdir()] == ["bundle.zip"]


def changed(content: dict[str, bytes], name: str, data: bytes, folder: Path) -> Path:
    """The bundle of somebody who changes a file and knows how to hash."""
    files = json.loads(content[MANIFEST])["files"]
    files[name] = {"bytes": len(data), "sha256": standalone.hashlib.sha256(data).hexdigest()}
    return laid_out(resealed({**content, name: data}, files=files), folder)


def test_other_frames_are_found(content: dict[str, bytes], tmp_path: Path) -> None:
    rows = content[FRAMES].decode().splitlines()
    cells = rows[60].split(",")
    assert float(cells[6]) < 0.05, "a frame whose pitch is compared"
    rows[60] = ",".join([*cells[:3], f"{float(cells[3]) + 0.05:.9g}", *cells[4:]])
    folder = changed(content, FRAMES, "\n".join(rows).encode(), tmp_path / "other")
    stated, findings = standalone.check_hashes(folder)
    assert stated is not None and all(found.ok for found in findings)
    runs, frames = standalone.check_golden(folder, stated)
    assert (runs.file, runs.ok, frames.file, frames.ok) == (PROGRAM, True, FRAMES, False)
    words = "1 of 75 frames are not as expected; the first is frame 59 of stream 0: pitch_semitones "
    assert frames.message.startswith(words)


def test_a_memory_that_is_lost_is_found(bundled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stated = json.loads((bundled / MANIFEST).read_text())
    run_clip = standalone.run_clip

    def forgetful(program: object, audio: np.ndarray, calls: list[int]) -> np.ndarray:
        return np.concatenate(
            [run_clip(program, audio[:, at * 320 : (at + 1) * 320], [1]) for at in range(len(calls))], -1
        )

    monkeypatch.setattr(standalone, "run_clip", forgetful)
    assert not standalone.check_golden(bundled, stated)[1].ok


def test_a_manifest_of_another_stream_is_found(bundled: Path) -> None:
    stated = json.loads((bundled / MANIFEST).read_text())
    stated["stream"]["hop_samples"] = 480
    (found,) = standalone.check_golden(bundled, stated)
    says = "is not the program of the manifest: hop_samples 320, not 480"
    assert (found.file, found.ok, found.message) == (PROGRAM, False, says)


def test_a_program_that_does_not_run_is_found(content: dict[str, bytes], tmp_path: Path) -> None:
    folder = changed(content, PROGRAM, content[PROGRAM][: len(content[PROGRAM]) // 2], tmp_path / "other")
    stated, findings = standalone.check_hashes(folder)
    assert stated is not None and all(found.ok for found in findings)
    (found,) = standalone.check_golden(folder, stated)
    assert (found.file, found.ok, found.message[:19]) == (PROGRAM, False, "does not run here: ")


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


def test_the_example_runs_the_bundle(example: Path, bundled: Path, content: dict[str, bytes], tmp_path: Path) -> None:
    def run(folder: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run([example, folder], capture_output=True, text=True, check=False)

    ran = run(bundled)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines()[-1].startswith("75 frames, 0 not as expected; furthest: pitch 0.00000 cents")
    table = content[FRAMES].decode().splitlines()
    table[60] = ",".join([*table[60].split(",")[:4], "2", *table[60].split(",")[5:]])
    ran = run(laid_out({**content, FRAMES: "\n".join(table).encode()}, tmp_path / "other"))
    assert ran.returncode == 1
    assert "75 frames, 1 not as expected" in ran.stdout
    assert run(tmp_path).returncode == 2


def test_nan_is_found_also_where_nothing_is_compared(example: Path, content: dict[str, bytes], tmp_path: Path) -> None:
    rows = [row.split(",") for row in content[FRAMES].decode().splitlines()]
    rows[1:] = [[*row[:6], "inf", "inf", "inf"] for row in rows[1:]]
    audio = encode_wav(np.full((1, 75 * 320), np.nan, np.float32), 16_000)
    frames = "\n".join(",".join(row) for row in rows).encode()
    folder = laid_out({**content, AUDIO: audio, FRAMES: frames}, tmp_path / "nan")
    stated = json.loads(content[MANIFEST])
    assert not standalone.check_golden(folder, stated)[1].ok
    ran = subprocess.run([example, folder], capture_output=True, text=True, check=False)
    assert (ran.returncode, "75 frames, 0 not" in ran.stdout) == (1, False), ran.stderr


def test_voices_sizes_and_explicit_state_in_cpp(example: Path, program_for: ProgramFactory, tmp_path: Path) -> None:
    (tmp_path / "golden").mkdir()
    stream = StreamConfig(16_000, 320, 1, 1.0, max_frames_per_chunk=4, streams=3)
    shutil.copyfile(program_for(stream, "explicit"), tmp_path / PROGRAM)
    calls = (1, 4, 2, 3)
    audio = np.random.default_rng(0).uniform(-1, 1, (3, 3200)).astype(np.float32)
    expected = standalone.run_clip(standalone.load(tmp_path / PROGRAM), audio, list(calls))
    assert np.abs(expected[1, 0] - expected[1, 1]).max() > 1e-5, "the voices differ"
    within, tolerance = _tolerance(expected, expected[None], 0)
    golden = Golden(("a", "b", "c"), audio, calls, expected, within, tolerance)
    (tmp_path / AUDIO).write_bytes(encode_wav(audio, 16_000))
    (tmp_path / FRAMES).write_text(to_csv(golden))
    ran = subprocess.run([example, tmp_path], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    words = "10 frames, 0 not as expected; furthest: pitch 0.00000 cents, confidence 0.00e+00, volume 0.00e+00"
    assert ran.stdout.splitlines()[-1] == words


def test_the_example_writes_frames_that_score_reads(example: Path, program_for: ProgramFactory, tmp_path: Path) -> None:
    """Of any WAV, the last call filled up with silence: bit for bit what a session here gives."""
    from workbench.audio.decode import read_clip
    from workbench.records.external_frames import read_external_frames
    from workbench.runtime.open_program import run_program

    stream = StreamConfig(16_000, 320, 1, 1.0, max_frames_per_chunk=4, streams=3)
    program, path = program_for(stream, "explicit"), tmp_path / "take.wav"
    samples = np.random.default_rng(1).uniform(-1, 1, (3, 3100)).astype(np.float32)
    path.write_bytes(encode_wav(samples, 16_000))
    ran = subprocess.run([example, program, path, tmp_path / "all.csv"], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, f"{tmp_path / 'all.csv'}: 10 frames\n"), ran.stderr
    header, *rows = (tmp_path / "all.csv").read_text().splitlines()
    assert header == "call,frame,stream,pitch_semitones,confidence,volume"
    path.write_bytes(encode_wav(samples[1:2], 16_000))
    clip = read_clip(path, 16_000)
    of_one = [row for row in rows if row.split(",")[2] == "1"]
    (tmp_path / "take.csv").write_text("\n".join([header, *of_one]))
    (recorded,) = read_external_frames(
        [tmp_path / "take.csv"], [clip], stream, ("pitch", "confidence", "volume")
    ).values()
    expected = run_program(program, list(samples))[1]
    for what in ("pitch_semitones", "confidence", "volume"):
        np.testing.assert_array_equal(getattr(recorded.frames, what), getattr(expected, what))
    assert recorded.calls == (1,) * 10
    ran = subprocess.run(
        [example, program, path, tmp_path / "x" / "y.csv"], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 2
    assert ran.stderr.endswith(f"error: {tmp_path / 'x' / 'y.csv'}: cannot be written\n")
