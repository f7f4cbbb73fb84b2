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


def with_flipped_byte(data: bytes, position: int, mask: int) -> bytes:
    return data[:position] + bytes([data[position] ^ mask]) + data[position + 1 :]


# --- damage


def test_check_hashes_of_an_intact_bundle(folder: Path, content: dict[str, bytes]) -> None:
    assert {found.file for found in standalone.check_hashes(folder)[1]} == set(content)
    assert failed(folder) == {}
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", CHECKSUMS], cwd=folder, check=True)


@pytest.mark.parametrize("name", [PROGRAM, AUDIO, FRAMES, "README.md", "example/main.cpp", CHECKSUMS, MANIFEST])
def test_check_hashes_finds_a_flipped_byte(name: str, folder: Path, content: dict[str, bytes]) -> None:
    data = content[name]
    for position in {*range(0, len(data), 31), len(data) - 1}:
        (folder / name).write_bytes(with_flipped_byte(data, position, 1))
        found = failed(folder)
        assert name in found, position
        assert len(found) == 1 or name in (CHECKSUMS, MANIFEST), position


def test_verify_does_not_run_a_damaged_program(folder: Path) -> None:
    (folder / PROGRAM).write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    result = workbench("verify", folder)
    assert result.exit_code == 1
    assert result.output.endswith("NOT verified (the program was not run: its bundle is damaged)\n")
    found = json.loads(workbench("verify", folder, "--json").output)
    assert (found["verified"], found["ran"]) == (False, False)
    (finding,) = (finding for finding in found["findings"] if not finding["ok"])
    assert (finding["file"], "is a Git LFS pointer" in finding["message"]) == (PROGRAM, True)


def test_verify_of_a_program_that_crashes_is_a_finding(folder: Path) -> None:
    child = MagicMock()
    child.call.side_effect = ProgramError("it crashed")
    child.__enter__.return_value = child
    found = verify(folder, child)
    assert found.ran and not found.verified
    assert found.findings[-1] == Finding(PROGRAM, False, "does not run here: it crashed")


# --- no bundle


@pytest.mark.parametrize(
    "name", ["/x", "a/../x", "a//x", "./x", "a/", "", "a\\x", "C:x", "a\nx", "\ud800", 7, "a" * 256, "é/" + "a" * 253]
)
def test_check_name_outside_or_too_long_raises(name: object) -> None:
    with pytest.raises(NotABundleError, match=r"could lie outside|longer than 255 bytes"):
        standalone.check_name(name)
    assert standalone.check_name("é/" + "a" * 252)


@pytest.mark.parametrize("listed", [[], {PROGRAM: {"bytes": 0, "sha256": "\ud800"}}])  # JSON can, UTF-8 cannot
def test_verify_refuses_a_manifest(listed: object, content: dict[str, bytes], tmp_path: Path) -> None:
    refuse(laid_out(resealed(content, files=listed), tmp_path / "b"), "not a manifest .(Attribute|Value)Error")


@pytest.mark.parametrize("name", [PROGRAM, "golden"])
def test_verify_refuses_a_link(name: str, folder: Path, tmp_path: Path) -> None:
    (folder / name).rename(tmp_path / "elsewhere")
    (folder / name).symlink_to(tmp_path / "elsewhere")
    refuse(folder, "is a link")


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["a", "a"], "a is in it twice"),
        (["a/b", "a"], "a is in it as a file and as a folder"),
        ([str(number) for number in range(1001)], "a zip of 1001 files"),
    ],
    ids=["twice", "nested", "many"],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_verify_refuses_names_of_a_zip(names: list[str], words: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        for name in names:
            archive.writestr(name, b"")
    refuse(tmp_path / "evil.zip", words)


@pytest.mark.parametrize("mask", [0xFF, 6])  # 6 makes LZMA of deflate
def test_verify_of_any_changed_byte_of_a_zip_raises(mask: int, tmp_path: Path) -> None:
    data, path = zipped({MANIFEST: b"{}", PROGRAM: b"none", "a": b"sound" * 9}), tmp_path / "bundle.zip"
    messages = set()
    for position in range(len(data)):
        path.write_bytes(with_flipped_byte(data, position, mask))
        with pytest.raises(WorkbenchError) as raised:  # also if the zip can be read: it has no SHA256SUMS
            verify(path)
        messages.add(str(raised.value))
    assert not any("\n" in message for message in messages)
    assert sum("a zip that cannot be read (" in message for message in messages) > 10
    assert any("no SHA256SUMS" in message for message in messages)


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


@pytest.mark.parametrize("audio", [b"", b"RIFF....WAVEfmt data\x07\0\0\0abcdefg"])
def test_check_golden_of_unreadable_files_is_a_finding(
    audio: bytes, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (finding,) = standalone.check_golden(folder, {"stream": []})
    assert finding == Finding(MANIFEST, False, "has no stream metadata of its program")
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
    shown = standalone.compare_frames(same, expected, float(np.sort(same[1])[1])).message
    assert shown.startswith("3 frames, every bit as expected; 2 have a pitch (confidence 0.")
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
    nodes = list(ast.walk(ast.parse(Path(standalone.__file__).read_text())))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in names} - sys.stdlib_module_names == {"numpy", "executorch", "torch"}
