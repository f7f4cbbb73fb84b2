"""What makes a bundle damaged, or no bundle at all. Real programs are run in test_end_to_end.py."""

import ast
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from unittest.mock import MagicMock

import numpy as np
import pytest

from tests.helpers.bundles import golden_of, laid_out, resealed
from tests.helpers.project import workbench
from workbench.bundle import verify_standalone as standalone
from workbench.bundle.golden import to_csv
from workbench.bundle.verify import verify
from workbench.bundle.verify_standalone import AUDIO, CHECKSUMS, FRAMES, MANIFEST, PROGRAM, Finding, NotABundleError
from workbench.bundle.write import zipped
from workbench.errors import ProgramError, WorkbenchError


def failed(folder: Path) -> dict[str, str]:
    """The message of each file that is found damaged."""
    return {found.file: found.message for found in standalone.check_hashes(folder)[1] if not found.ok}


def refuse(bundle: Path, words: str) -> None:
    with pytest.raises(WorkbenchError, match=f"not a bundle: .*{words}"):
        verify(bundle)


# --- damage


def test_check_hashes_of_an_intact_bundle(folder: Path, content: dict[str, bytes]) -> None:
    (folder / "example" / "build").mkdir()
    (folder / ".DS_Store").write_bytes(b"beside the bundle")
    manifest, findings = standalone.check_hashes(folder)
    assert manifest is not None and manifest["name"] == "float-xnnpack"
    assert {found.file for found in findings} == set(content)
    assert failed(folder) == {}
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", CHECKSUMS], cwd=folder, check=True)


@pytest.mark.parametrize("name", [PROGRAM, AUDIO, FRAMES, "README.md", "example/main.cpp", CHECKSUMS, MANIFEST])
def test_check_hashes_finds_a_flipped_byte(name: str, folder: Path, content: dict[str, bytes]) -> None:
    data = content[name]
    for position in {*range(0, len(data), 31), len(data) - 1}:
        (folder / name).write_bytes(data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :])
        found = failed(folder)
        assert name in found, position
        assert len(found) == 1 or name in (CHECKSUMS, MANIFEST), position


def test_check_hashes_names_the_damage_of_each_file(folder: Path) -> None:
    (folder / PROGRAM).write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    (folder / AUDIO).unlink()
    (folder / FRAMES).write_bytes(b"none")
    assert failed(folder) == {
        PROGRAM: "is a Git LFS pointer, not the file; `git lfs pull` fetches it",
        AUDIO: "is missing",
        FRAMES: f"was changed: 4 bytes, the manifest has {len(to_csv(golden_of()).encode())}",
    }


def test_verify_does_not_run_a_damaged_program(folder: Path) -> None:
    (folder / PROGRAM).write_bytes(b"No program")
    result = workbench("verify", folder)
    assert result.exit_code == 1
    assert result.output.endswith("NOT verified (the program was not run: its bundle is damaged)\n")
    found = json.loads(workbench("verify", folder, "--json").output)
    assert (found["verified"], found["ran"]) == (False, False)
    assert [finding["file"] for finding in found["findings"] if not finding["ok"]] == [PROGRAM]


def test_verify_of_a_program_that_crashes_is_a_finding(folder: Path) -> None:
    child = MagicMock()
    child.call.side_effect = ProgramError("the program crashed the runtime")
    child.__enter__.return_value = child
    found = verify(folder, child)
    assert found.ran and not found.verified
    assert found.findings[-1] == Finding(PROGRAM, False, "does not run here: the program crashed the runtime")


# --- no bundle


@pytest.mark.parametrize("name", ["/x", "a/../x", "a//x", "./x", "a/", "", "a\\x", "C:x", "a\nx", "\ud800", 7])
def test_check_name_that_could_lead_outside_raises(name: object) -> None:
    with pytest.raises(NotABundleError, match="could lie outside"):
        standalone.check_name(name)


def test_check_name_takes_255_bytes() -> None:
    assert standalone.check_name("é/" + "a" * 252)
    for name in ("a" * 256, "é/" + "a" * 253):
        with pytest.raises(NotABundleError, match="longer than 255 bytes"):
            standalone.check_name(name)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"bundle_format": 9}, "bundle format 9"),
        ({"files": []}, "not a manifest .AttributeError"),
        # found by tools/fuzz/readers.py: JSON can hold half a character, UTF-8 cannot
        ({"files": {PROGRAM: {"bytes": 0, "sha256": "\ud800"}}}, "a sha256 is not 64 hexadecimal digits"),
    ],
)
def test_verify_refuses_a_manifest(
    changes: dict[str, object], words: str, content: dict[str, bytes], tmp_path: Path
) -> None:
    refuse(laid_out(resealed(content, **changes), tmp_path / "b"), words)


def test_verify_refuses_links_and_missing_files(folder: Path, tmp_path: Path) -> None:
    for name in (PROGRAM, "golden"):
        (folder / name).rename(tmp_path / "elsewhere")
        (folder / name).symlink_to(tmp_path / "elsewhere")
        refuse(folder, "is a link")
        (folder / name).unlink()
        (tmp_path / "elsewhere").rename(folder / name)
    (folder / CHECKSUMS).unlink()
    refuse(folder, "no SHA256SUMS")
    refuse(tmp_path / "none", "no such folder")


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["a", "a"], "a is in it twice"),
        (["a/b", "a"], "a is in it as a file and as a folder"),
        ([str(number) for number in range(1001)], "a zip of 1001 files"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_verify_refuses_names_of_a_zip(names: list[str], words: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        for name in names:
            archive.writestr(name, b"")
    refuse(tmp_path / "evil.zip", words)


@pytest.mark.parametrize("flip", [0xFF, 6])  # 6 makes LZMA of deflate
def test_verify_of_any_changed_byte_of_a_zip_raises(flip: int, tmp_path: Path) -> None:
    data, path = zipped({MANIFEST: b"{}", PROGRAM: b"none", "a": b"sound" * 9}), tmp_path / "bundle.zip"
    messages = set()
    for position in range(len(data)):
        path.write_bytes(data[:position] + bytes([data[position] ^ flip]) + data[position + 1 :])
        with pytest.raises(WorkbenchError) as raised:  # also if the zip can be read: it has no SHA256SUMS
            verify(path)
        messages.add(str(raised.value))
    assert not any("\n" in message for message in messages)
    assert sum("a zip that cannot be read (" in message for message in messages) > 10


def test_verify_refuses_a_zip_that_states_too_small_a_size(tmp_path: Path) -> None:
    path = tmp_path / "evil.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb", bytes(2**21))
    size, stated = ((2**exponent).to_bytes(4, "little") for exponent in (21, 3))
    path.write_bytes(path.read_bytes().replace(size, stated))
    refuse(path, "(bomb has another size than the zip states|Bad CRC-32)")


def test_verify_reads_a_zip_of_other_tools(folder: Path, tmp_path: Path) -> None:
    (folder / PROGRAM).write_bytes(b"No program")
    archive = shutil.make_archive(str(tmp_path / "again"), "zip", folder)  # with entries for folders
    assert [found.file for found in verify(Path(archive)).findings if not found.ok] == [PROGRAM]


# --- the golden audio


def test_check_golden_without_stream_metadata_is_a_finding(folder: Path) -> None:
    finding = Finding(MANIFEST, False, "has no stream metadata of its program")
    assert standalone.check_golden(folder, {"stream": []}) == [finding]


@pytest.mark.parametrize("audio", [b"", b"RIFF....WAVEfmt data\x07\0\0\0abcdefg"])
def test_check_golden_of_unreadable_audio_is_a_finding(
    audio: bytes, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / AUDIO).write_bytes(audio)
    monkeypatch.setattr(standalone, "load", lambda _: None)
    monkeypatch.setattr(standalone, "read_metadata", lambda _: {"streams": 1})
    (finding,) = standalone.check_golden(folder, {"stream": {"streams": 1}})
    assert (finding.file, finding.ok) == (PROGRAM, False)
    assert finding.message.startswith("does not run here: ") and "\n" not in finding.message


def test_compare_frames_within_their_tolerance(tmp_path: Path) -> None:
    golden = golden_of()
    (tmp_path / "frames.csv").write_text(to_csv(golden))
    expected = standalone.read_frames(tmp_path / "frames.csv")
    same = golden.expected[:, 0]
    assert standalone.compare_frames(same, expected).message == "3 frames, every bit as expected"
    for confidence_error, ok in ((0.0005, True), (0.002, False), (np.nan, False)):
        frames = same.copy()
        frames[1, 1] += confidence_error
        found = standalone.compare_frames(frames, expected)
        assert found.ok == ok
        assert ok or found.message == (
            f"1 of 3 frames are not as expected; the first is frame 1 of stream 0: confidence {frames[1, 1]:.6g}, "
            f"expected {same[1, 1]:.6g} ± 0.001"
        )


def test_verify_standalone_imports_numpy_and_the_runtime() -> None:
    names = set()
    for node in ast.walk(ast.parse(Path(standalone.__file__).read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    assert {name.split(".")[0] for name in names} - sys.stdlib_module_names == {"numpy", "executorch", "torch"}
