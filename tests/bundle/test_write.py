"""Bundles: what is in one, and that no byte of it can change unseen. Programs are run in test_bundle_runs.py."""

import ast
import io
import json
import shutil
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from click.testing import Result as CliResult

from workbench.audio.corpus import Corpus
from workbench.audio.decode import Clip
from workbench.bundle import contents, write
from workbench.bundle import verify_standalone as standalone
from workbench.bundle.contents import readme, with_checksums
from workbench.bundle.golden import Golden, _tolerance, encode_wav, record_golden, to_csv
from workbench.bundle.manifest import manifest, methods
from workbench.bundle.verify import Verification, verify
from workbench.bundle.verify_standalone import AUDIO, CHECKSUMS, FRAMES, MANIFEST, PROGRAM, Floats
from workbench.bundle.write import check_destination, zipped
from workbench.cli import main
from workbench.errors import ProgramError, WorkbenchError
from workbench.export.metadata import build_metadata, parse_metadata
from workbench.recipe.options import OUTPUTS, State
from workbench.recipe.stream_config import StreamConfig
from workbench.records.result import Result, read_record, write_record
from workbench.records.run_folders import StoredResult
from workbench.runtime.isolation import IsolatedProcess
from workbench.storage.locks import exclusive

ROOT = Path(__file__).parent.parent.parent
EXAMPLE = ROOT / "workbench" / "bundle" / "files" / "example" / "main.cpp"
STREAM = StreamConfig(48_000, 960, 1, 1.0)


def golden_of(stream: StreamConfig = STREAM, calls: tuple[int, ...] = (1, 1, 1)) -> Golden:
    """Random audio and frames that no program gave."""
    draw = np.random.default_rng(0)
    audio = draw.uniform(-1, 1, (stream.streams, sum(calls) * stream.hop_samples)).astype(np.float32)
    expected = draw.uniform(0, 1, (3, stream.streams, sum(calls))).astype(np.float32)
    within, tolerance = _tolerance(expected, expected[None], 0.5)
    return Golden(("synthetic/score/phrase",) * stream.streams, audio, calls, expected, within, tolerance)


def measured(**changes: object) -> Result:
    return read_record(ROOT / "docs" / "measured" / "float-xnnpack.json").model_copy(update=changes)


def described(record: Result, stream: StreamConfig = STREAM, state: State = "internal"):  # -> Manifest
    metadata = build_metadata(stream, 10.0, "alwa", state, 3616, OUTPUTS)
    return manifest(record, metadata, stream, golden_of(stream), {})


@pytest.fixture(scope="module")
def content() -> dict[str, bytes]:
    """Every file of a bundle whose program is no program."""
    golden = golden_of()
    made = {PROGRAM: b"no program", AUDIO: encode_wav(golden.audio, 48_000), FRAMES: to_csv(golden).encode()}
    plain = described(measured())
    return with_checksums(
        plain, {**made, "README.md": readme(plain).encode(), "example/main.cpp": EXAMPLE.read_bytes()}
    )[1]


@pytest.fixture
def folder(content: dict[str, bytes], tmp_path: Path) -> Path:
    return laid_out(content, tmp_path / "bundle")


def laid_out(content: dict[str, bytes], folder: Path) -> Path:
    for name, data in content.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def workbench(*words: str | Path) -> CliResult:
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def failed(folder: Path) -> dict[str, str]:
    """The files that are found damaged, and what is said of them."""
    return {found.file: found.message for found in standalone.check_hashes(folder)[1] if not found.ok}


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def test_a_whole_bundle_has_nothing_to_say(folder: Path, content: dict[str, bytes]) -> None:
    stated, findings = standalone.check_hashes(folder)
    assert stated is not None and stated["name"] == "float-xnnpack"
    assert {found.file for found in findings} == set(content)
    assert failed(folder) == {}


def test_sha256sum_agrees(folder: Path) -> None:
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", CHECKSUMS], cwd=folder, check=True)


@pytest.mark.parametrize("name", [PROGRAM, AUDIO, FRAMES, "README.md", "example/main.cpp", CHECKSUMS])
def test_a_flipped_byte_is_found_in(name: str, folder: Path, content: dict[str, bytes]) -> None:
    data = content[name]
    for at in {0, 1, len(data) // 3, len(data) // 2, len(data) - 2, len(data) - 1}:
        (folder / name).write_bytes(flipped(data, at))
        assert name in failed(folder), at
        assert len(failed(folder)) == 1 or name == CHECKSUMS  # which may no longer vouch for the manifest


def test_a_flipped_byte_is_found_in_the_manifest(folder: Path, content: dict[str, bytes]) -> None:
    data = content[MANIFEST]
    for at in range(0, len(data), 31):
        (folder / MANIFEST).write_bytes(flipped(data, at))
        assert MANIFEST in failed(folder), at


def test_damage_is_told_file_by_file(folder: Path) -> None:
    (folder / PROGRAM).write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    (folder / AUDIO).unlink()
    (folder / FRAMES).write_bytes(b"none")
    assert failed(folder) == {
        PROGRAM: "is a Git LFS pointer, not the file; `git lfs pull` fetches it",
        AUDIO: "is missing",
        FRAMES: f"was changed: 4 bytes, the manifest has {len(to_csv(golden_of()).encode())}",
    }


def test_a_damaged_program_is_not_run(folder: Path) -> None:
    (folder / PROGRAM).write_bytes(b"No program")
    result = workbench("verify", folder)
    assert result.exit_code == 1
    was, now = (standalone.hashlib.sha256(data).hexdigest()[:12] for data in (b"no program", b"No program"))
    says = f"was changed: its sha256 is {now}…, the manifest's {was}…"
    assert f"FAILED  program.pte        {says}\n" in result.output
    assert result.output.endswith("NOT verified (the program was not run: its bundle is damaged)\n")
    stated = json.loads(workbench("verify", folder, "--json").output)
    assert (stated["verified"], stated["ran"]) == (False, False)
    assert [found["file"] for found in stated["findings"] if not found["ok"]] == [PROGRAM]


def test_a_crash_is_a_result(folder: Path) -> None:
    class Crashes(IsolatedProcess):
        def __enter__(self) -> "Crashes":
            return self

        def call(self, *_: object) -> None:  # type: ignore[override]
            raise ProgramError("the program crashed the runtime")

    found = verify(folder, Crashes())
    assert found.ran and not found.verified
    assert found.findings[-1].file == PROGRAM
    assert found.findings[-1].message == "does not run here: the program crashed the runtime"


def test_what_builds_leave_beside_the_files_is_nobodys_business(folder: Path) -> None:
    (folder / "example" / "build").mkdir()
    (folder / ".DS_Store").write_bytes(b"x")
    assert failed(folder) == {}


def refusal(bundle: Path) -> str:
    result = workbench("verify", bundle)
    assert result.exit_code == 2 and result.output.count("\n") == 1, result.output
    return result.output.removeprefix(f"error: {bundle}: not a bundle: ").rstrip("\n")


def test_what_is_no_bundle(tmp_path: Path, folder: Path) -> None:
    assert refusal(tmp_path / "none") == "there is no such folder or file"
    assert refusal(tmp_path) == "no manifest.json; `workbench bundle` makes bundles"
    (tmp_path / "text.zip").write_text("text")
    assert refusal(tmp_path / "text.zip") == "a zip that cannot be read (File is not a zip file)"
    (folder / CHECKSUMS).unlink()
    assert refusal(folder) == "no SHA256SUMS; `workbench bundle` makes bundles"


def resealed(content: dict[str, bytes], **changes: object) -> dict[str, bytes]:
    """The bundle that somebody makes who changes the manifest and knows how to hash."""
    stated = json.loads(content[MANIFEST]) | changes
    made = {**content, MANIFEST: json.dumps(stated).encode()}
    checksums = (
        {name: entry["sha256"] for name, entry in stated["files"].items()} if isinstance(stated["files"], dict) else {}
    )
    made[CHECKSUMS] = standalone.checksums_text(
        {**checksums, MANIFEST: standalone.hashlib.sha256(made[MANIFEST]).hexdigest()}
    ).encode()
    return made


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", "a//x", "./x", "a\\..\\x", "C:x", "a\nx", "", "a/"])
def test_a_manifest_that_names_files_outside_is_refused(name: str, content: dict[str, bytes], tmp_path: Path) -> None:
    files = json.loads(content[MANIFEST])["files"] | {name: {"bytes": 0, "sha256": ""}}
    folder = laid_out(resealed(content, files=files), tmp_path / "b")
    assert refusal(folder) == f"names a file {name!r}, which could lie outside; do not use it"


@pytest.mark.parametrize("stream", [[], 7, None, "none"])
def test_a_sealed_manifest_without_a_stream_is_one_line(
    stream: object, content: dict[str, bytes], tmp_path: Path
) -> None:
    folder = laid_out(resealed(content, stream=stream), tmp_path / "b")
    manifest, findings = standalone.check_hashes(folder)
    assert manifest is not None and all(found.ok for found in findings)
    (finding,) = standalone.check_golden(folder, manifest)
    assert (finding.file, finding.ok, finding.message) == (MANIFEST, False, "has no stream metadata of its program")


@pytest.mark.parametrize("audio", [b"RIFF....WAVEfmt \x10\0\0\0", b"RIFF....WAVEdata\x07\0\0\0abcdefg", b""])
def test_sealed_nonsense_is_one_line(
    audio: bytes, content: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = laid_out({**content, AUDIO: audio}, tmp_path / "b")
    manifest = json.loads(content[MANIFEST])
    monkeypatch.setattr(standalone, "load", lambda _: None)
    monkeypatch.setattr(standalone, "read_metadata", lambda _: manifest["stream"])
    (finding,) = standalone.check_golden(folder, manifest)
    assert (finding.file, finding.ok) == (PROGRAM, False)
    assert finding.message.startswith("does not run here: ") and "\n" not in finding.message


def test_a_manifest_of_another_kind_is_refused(content: dict[str, bytes], tmp_path: Path) -> None:
    folder = laid_out(resealed(content, bundle_format=9), tmp_path / "b")
    assert refusal(folder) == "bundle format 9, this can read 1; use the verify.py inside it"
    folder = laid_out(resealed(content, files={}), tmp_path / "b")
    assert refusal(folder) == "manifest.json is not a manifest (KeyError: 'program.pte')"
    folder = laid_out(resealed(content, files=[]), tmp_path / "b")
    assert refusal(folder) == "manifest.json is not a manifest (AttributeError: 'list' object has no attribute 'items')"


def test_a_manifest_with_a_name_that_no_disk_takes_is_refused(content: dict[str, bytes], tmp_path: Path) -> None:
    files = json.loads(content[MANIFEST])["files"] | {"a" * 256: {"bytes": 0, "sha256": "0" * 64}}
    folder = laid_out(resealed(content, files=files), tmp_path / "b")
    assert refusal(folder) == f"names a file '{'a' * 40}'..., longer than 255 bytes"


def test_half_a_character_in_a_manifest_is_refused(content: dict[str, bytes], tmp_path: Path) -> None:
    """Found by tools/fuzz/readers.py: JSON can hold what UTF-8 cannot."""
    stated = json.loads(content[MANIFEST])
    stated["files"][PROGRAM]["sha256"] = "\ud800"
    made = {**content, MANIFEST: json.dumps(stated).encode()}
    made[CHECKSUMS] = standalone.checksums_text(
        {MANIFEST: standalone.hashlib.sha256(made[MANIFEST]).hexdigest()}
    ).encode()
    folder = laid_out(made, tmp_path / "b")
    assert refusal(folder) == "manifest.json is not a manifest (ValueError: a sha256 is not 64 hexadecimal digits)"


def test_links_are_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes((folder / PROGRAM).read_bytes())
    (folder / PROGRAM).unlink()
    (folder / PROGRAM).symlink_to(tmp_path / "elsewhere")
    assert refusal(folder) == "program.pte is a link, and could lead outside; do not use it"
    (folder / "golden").rename(tmp_path / "golden")
    (folder / "golden").symlink_to(tmp_path / "golden")
    (folder / PROGRAM).unlink()
    assert refusal(folder) == "golden/audio.wav is a link, and could lead outside; do not use it"


def zip_of(path: Path, *entries: tuple[zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for entry, data in entries:
            archive.writestr(entry, data)
    return path


def test_zips_that_lead_outside_or_explode_are_refused(tmp_path: Path) -> None:
    def refused(*entries: tuple[zipfile.ZipInfo, bytes]) -> str:
        return refusal(zip_of(tmp_path / "evil.zip", *entries))

    outside = zipfile.ZipInfo("../outside")
    assert refused((outside, b"x")) == "names a file '../outside', which could lie outside; do not use it"
    link = zipfile.ZipInfo("program.pte")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    assert refused((link, b"/etc/passwd")) == "program.pte is a link or a device, not a file; do not use it"
    with pytest.warns(UserWarning, match="Duplicate"):
        assert refused((zipfile.ZipInfo("a"), b""), (zipfile.ZipInfo("a"), b"")) == "a is in it twice"
    assert refused((zipfile.ZipInfo("a/b"), b""), (zipfile.ZipInfo("a"), b"")) == "a is in it as a file and as a folder"
    long = f"names a file '{'a' * 40}'..., longer than 255 bytes"
    assert refused((zipfile.ZipInfo("a" * 256), b"")) == refused((zipfile.ZipInfo("a" * 99 + "/é" * 60), b"")) == long
    many = [(zipfile.ZipInfo(f"{at}"), b"") for at in range(1001)]
    assert refused(*many) == "a zip of 1001 files, more than the 1000 a bundle can have"
    assert not (tmp_path.parent / "outside").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["evil.zip"]


@pytest.mark.parametrize("flip", [0xFF, 6])  # 6 makes LZMA of deflate
def test_any_changed_byte_of_a_zip_is_an_error_of_one_line(flip: int, tmp_path: Path) -> None:
    data, path = zipped({MANIFEST: b"{}", PROGRAM: b"none", "a": b"sound" * 9}), tmp_path / "bundle.zip"
    said = set()
    for at in range(len(data)):
        path.write_bytes(data[:at] + bytes([data[at] ^ flip]) + data[at + 1 :])
        with pytest.raises(WorkbenchError) as raised:  # also where the zip reads all the same: it has no SHA256SUMS
            verify(path)
        said.add(str(raised.value))
    assert not any("\n" in line for line in said)
    assert sum("a zip that cannot be read (" in line for line in said) > 10


def test_a_zip_that_other_tools_made_is_read(folder: Path, tmp_path: Path) -> None:
    (folder / PROGRAM).write_bytes(b"No program")
    made = shutil.make_archive(str(tmp_path / "again"), "zip", folder)  # with entries for folders
    result = workbench("verify", made)
    assert result.exit_code == 1
    assert [line.split()[1] for line in result.output.splitlines() if "FAILED" in line] == [PROGRAM]


def test_a_zip_that_lies_about_its_sizes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "evil.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb", bytes(2**21))
    data, (size, tiny, huge) = path.read_bytes(), (n.to_bytes(4, "little") for n in (2**21, 8, 2**31 - 1))
    path.write_bytes(data.replace(size, huge))
    assert refusal(path) == "a zip of 2147483647 bytes unpacked, more than the 1073741824 a bundle can have"
    path.write_bytes(data.replace(size, tiny))
    assert refusal(path) in (
        "bomb has another size than the zip states; do not use it",
        "a zip that cannot be read (Bad CRC-32 for file 'bomb')",
    )


def test_zips_are_the_same_bytes_each_time(content: dict[str, bytes]) -> None:
    backwards = dict(reversed(content.items()))
    assert zipped(content) == zipped(backwards)
    with zipfile.ZipFile(io.BytesIO(zipped(content))) as archive:
        assert archive.namelist() == sorted(content)
        assert {name: archive.read(name) for name in content} == content
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def kept(tmp_path: Path, record: Result, program: bytes | None = b"no program") -> Path:
    folder = tmp_path / "run" / record.recipe.name
    folder.mkdir(parents=True)
    write_record(record, folder)
    if program is not None:
        (folder / "program.pte").write_bytes(program)
    return folder


def one_error(*words: str | Path) -> str:
    result = workbench("bundle", *words)
    assert result.exit_code == 2 and result.output.count("\n") == 1, result.output
    return result.output.removeprefix("error: ").rstrip("\n")


def test_what_cannot_be_bundled(tmp_path: Path) -> None:
    failing = measured(verdict="fail", reasons=("too big", "and more"))
    folder = kept(tmp_path, failing)
    assert one_error(folder) == (f"{folder}: its verdict is fail (too big; and more); --force bundles it anyway")
    assert failing.program is not None
    assert one_error(folder, "--force") == (
        f"{folder}/program.pte: not the program that was scored (its sha256 is 6aa7f0ee8ff1…, expected "
        f"{failing.program.sha256[:12]}…); run the recipe again"
    ).replace("6aa7f0ee8ff1", standalone.hashlib.sha256(b"no program").hexdigest()[:12])
    (folder / "program.pte").unlink()
    assert (
        one_error(folder, "--force") == f"{folder}/program.pte: the result's program is missing; run the recipe again"
    )
    other = failing.model_copy(
        update={"program": failing.program.model_copy(update={"kind": "onnx", "path": "program.onnx", "state": "none"})}
    )
    assert one_error(kept(tmp_path / "onnx", other), "--force") == (
        f"{tmp_path}/onnx/run/{other.recipe.name}: a bundle needs a .pte with internal or explicit state, and this "
        "is program.onnx with state none; bundle another variant"
    )
    naive = kept(tmp_path, read_record(ROOT / "docs" / "measured" / "int8-naive.json"), None)
    reason = read_record(naive / "result.json").null_reasons["program"]
    assert one_error(naive, "--force") == f"{naive}: there is no program to bundle ({reason})"
    assert one_error(tmp_path / "run") == (
        f"{tmp_path}/run: holds 2 variants; name one ({folder}, {naive}), or let `workbench pick` choose"
    )


def test_bundle_of_a_pass_by_an_older_rule_is_refused(tmp_path: Path) -> None:
    """Without a gate on the pitch it once passed."""
    record = measured()
    weak = {**record.recipe.resolved, "gates": {"program.bytes": "<= 100_000_000"}}
    folder = kept(tmp_path, record.model_copy(update={"recipe": record.recipe.model_copy(update={"resolved": weak})}))
    assert one_error(folder).startswith(f"{folder}: its verdict is inconclusive, stored as pass (")


def test_nothing_is_replaced_that_is_no_bundle(tmp_path: Path, content: dict[str, bytes]) -> None:
    program = b"no program"
    record = measured()
    assert record.program is not None
    sha256 = standalone.hashlib.sha256(program).hexdigest()
    record = record.model_copy(update={"program": record.program.model_copy(update={"sha256": sha256})})
    folder, out = kept(tmp_path, record, program), tmp_path / "out"
    (out / "mine").mkdir(parents=True)
    assert one_error(folder, "--out", out) == (
        f"{out}: exists already; --overwrite replaces a bundle, --out names another path"
    )

    def refused(place: Path) -> bool:
        says = f"{place}: not a bundle, so it is not replaced; --out names another path"
        return one_error(folder, "--out", place, "--overwrite") == says

    assert refused(out)
    (out / MANIFEST).write_text('{"name": "of a web page"}')
    assert refused(out)
    (out / CHECKSUMS).write_text("")
    assert refused(out)
    (out / MANIFEST).write_text("7")
    assert refused(out)
    (out / MANIFEST).write_bytes(content[MANIFEST])
    check_destination(out, overwrite=True)
    (out / CHECKSUMS).unlink()
    assert refused(out)
    assert (out / "mine").is_dir()

    thesis = tmp_path / "thesis.zip"
    for data in (b"", b"text", zipped({MANIFEST: b"{}"}), zipped({CHECKSUMS: b""}), zipped({"thesis.tex": b"years"})):
        thesis.write_bytes(data)
        assert refused(thesis)
        assert thesis.read_bytes() == data
    thesis.write_bytes(zipped(content))
    check_destination(thesis, overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "run", "thesis.zip"]


@pytest.fixture
def shipped(tmp_path: Path, content: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> Callable[[], object]:
    """Bundles a variant into `out`, where another bundle may be; no program is run."""

    class Nobody:
        def __enter__(self) -> "Nobody":
            return self

        def __exit__(self, *_: object) -> None: ...

        def call(self, *_: object) -> object:
            entries = build_metadata(STREAM, 10.0, "alwa", "internal", 3616, OUTPUTS)
            return parse_metadata(entries, Path("program.pte"))

    record = measured()
    assert record.program is not None
    sha256 = standalone.hashlib.sha256(b"no program").hexdigest()
    record = record.model_copy(update={"program": record.program.model_copy(update={"sha256": sha256})})
    variant = StoredResult(record, kept(tmp_path, record), "run")
    monkeypatch.setattr(write, "IsolatedProcess", Nobody)
    monkeypatch.setattr(contents, "record_golden", lambda *_: golden_of())
    monkeypatch.setattr(write, "verify", lambda *_: Verification((), ran=True))
    return lambda: write.write_bundle(variant, tmp_path / "out", None, 1.0, True, overwrite=True)  # type: ignore[arg-type]


def test_one_of_both_bundles_is_there_wherever_it_is_interrupted(
    shipped: Callable[[], object], tmp_path: Path, content: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    out, rename = laid_out(content, tmp_path / "out"), Path.rename
    (out / "mine").touch()

    def interrupt(path: Path, to: Path) -> Path:
        if to == out and path.name == "bundle":
            raise KeyboardInterrupt
        return rename(path, to)

    monkeypatch.setattr(Path, "rename", interrupt)
    with pytest.raises(KeyboardInterrupt):
        shipped()
    assert (out / "mine").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "run"]
    monkeypatch.undo()


def test_what_a_killed_process_left_is_taken_away(
    shipped: Callable[[], object], tmp_path: Path, content: dict[str, bytes]
) -> None:
    left = tmp_path / ".out.bundling"
    laid_out(content, left / "bundle")
    (laid_out(content, left / "earlier") / "mine").touch()
    with write._staging_beside(tmp_path / "out") as made:
        assert (made, list(made.iterdir())) == (left, [])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "run"]
    assert (tmp_path / "out" / "mine").exists()  # it was there, and is again
    shipped()
    assert not (tmp_path / "out" / "mine").exists()
    assert (tmp_path / "out" / PROGRAM).read_bytes() == b"no program"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "run"]


def test_two_at_once_do_not_disturb_each_other(
    shipped: Callable[[], object], tmp_path: Path, content: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither of one variant nor of two into one place: the second is refused, and the first goes on."""
    (variant,) = (path.parent for path in (tmp_path / "run").rglob("program.pte"))
    out = laid_out(content, tmp_path / "out")
    for taken in (variant, tmp_path / ".out.bundling"):
        with exclusive(taken):
            with pytest.raises(WorkbenchError) as caught:
                shipped()
            assert str(caught.value) == (
                f"{taken}: in use by another workbench process; wait for it to finish or choose another folder"
            )
    assert (out / PROGRAM).read_bytes() == content[PROGRAM]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "run"]


def test_a_program_that_is_replaced_meanwhile_is_not_bundled(
    shipped: Callable[[], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (program,) = (tmp_path / "run").rglob("program.pte")

    def golden(*_: object) -> Golden:
        program.write_bytes(b"another")
        with pytest.raises(WorkbenchError, match="in use by another"), exclusive(program.parent):
            pass
        return golden_of()

    monkeypatch.setattr(contents, "record_golden", golden)
    with pytest.raises(WorkbenchError) as caught:
        shipped()
    assert str(caught.value).startswith(f"{program}: not the program that was scored (its sha256 is ")
    assert not (tmp_path / "out").exists()


def test_the_wav_is_read_by_others_bit_for_bit(tmp_path: Path) -> None:
    audio = np.random.default_rng(0).uniform(-2, 2, (3, 1001)).astype(np.float32)
    path = tmp_path / "audio.wav"
    path.write_bytes(encode_wav(audio, 44_100))
    read, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    assert rate_hz == 44_100
    np.testing.assert_array_equal(read.T, audio)
    np.testing.assert_array_equal(standalone.read_audio(path), audio)


def test_wav_of_100_samples_has_known_bytes() -> None:
    """A header of 58 bytes with `fmt ` and `fact`, then the samples: the same bytes each time and with any library."""
    audio = np.linspace(-1, 1, 100, dtype=np.float32)[None]
    header = bytes.fromhex(
        "52494646c201000057415645666d7420120000000300010080bb000000ee0200040020000000666163740400000064000000"
        "6461746190010000"
    )
    assert encode_wav(audio, 48_000) == header + audio.tobytes()


def test_the_table_has_every_bit_and_the_calls(tmp_path: Path) -> None:
    stream = replace(STREAM, streams=2, max_frames_per_chunk=4)
    golden = golden_of(stream, (3, 1, 4))
    path = tmp_path / "frames.csv"
    path.write_text(to_csv(golden))
    columns = standalone.read_frames(path)
    assert columns["call"].tolist() == [0] * 6 + [1] * 2 + [2] * 8
    assert columns["frame"].tolist() == [frame for frame in range(8) for _ in range(2)]
    assert columns["stream"].tolist() == [0, 1] * 8
    for what, name in enumerate(("pitch_semitones", "confidence", "volume")):
        np.testing.assert_array_equal(columns[name].astype(np.float32), golden.expected[what].T.ravel())
        within = columns[name.removesuffix("_semitones") + "_within"].astype(np.float32)
        np.testing.assert_array_equal(within, golden.within[what].T.ravel())


def test_tolerance_is_four_times_what_the_nudges_did() -> None:
    #                    steady  steady  two pitches tie  not voiced
    expected = np.array([[[60.0, 61.0, 62.0, 63.0]], [[0.9, 0.8, 0.7, 0.1]], [[1.0, 2.0, 4.0, 8.0]]], np.float32)
    moved = np.stack([expected, expected])
    moved[0, 0] += [[0.01, 0, 12, 5]]
    moved[1, 0] -= [[0, 0.02, 0, 0]]
    moved[0, 1, 0, 3] += 0.01
    moved[1, 2] *= 1.25
    within, tolerance = _tolerance(expected, moved, 0.5)
    assert (tolerance.frames, tolerance.pitch_frames, tolerance.unsteady_frames) == (4, 2, 1)
    assert tolerance.pitch_cents == pytest.approx(8, rel=1e-3)
    assert tolerance.confidence == pytest.approx(0.04, rel=1e-5)
    assert tolerance.volume_relative == pytest.approx(1, rel=1e-5)
    np.testing.assert_allclose(within[0], [[0.08, 0.08, np.inf, np.inf]], rtol=1e-3)
    np.testing.assert_allclose(within[2], expected[2], rtol=1e-5)


def test_without_any_move_the_least_tolerance_holds() -> None:
    tolerance = golden_of().tolerance
    assert (tolerance.pitch_cents, tolerance.confidence, tolerance.volume_relative) == (0.1, 1e-3, 1e-3)


class Hum(Corpus):
    """One clip, which is nothing but a hum."""

    def __init__(self) -> None:
        self.root = Path("hum")

    def clips(self) -> tuple[str, ...]:
        return ("synthetic/score/phrase",)

    def read(self, name: str, sample_rate_hz: int) -> Clip:
        samples = np.ones(sample_rate_hz, np.float32)
        return Clip(name, self.root, "", sample_rate_hz, samples, sample_rate_hz, 1, None)


@pytest.mark.parametrize(("clip", "value"), [(0, np.nan), (3, np.inf)])
def test_frames_that_are_not_finite_are_no_golden_ones(clip: int, value: float) -> None:
    class Gives(IsolatedProcess):
        def call(self, function: object, program: Path, audios: list[Floats], calls: list[int]) -> list[Floats]:  # type: ignore[override]
            outputs = [np.ones((3, 1, sum(calls)), np.float32) for _ in audios]
            outputs[clip][0, 0, 7] = value
            return outputs

    with pytest.raises(ProgramError) as raised:
        record_golden(Gives(), Path("a.pte"), STREAM, Hum(), 1.0, 0.5)
    assert str(raised.value) == ("a.pte: returns NaN or infinity on the golden audio; a bundle needs finite frames")


def test_frames_are_held_against_their_own_tolerance(tmp_path: Path) -> None:
    golden = golden_of()
    (tmp_path / "frames.csv").write_text(to_csv(golden))
    expected = standalone.read_frames(tmp_path / "frames.csv")
    same = golden.expected[:, 0]
    assert standalone.compare_frames(same, expected).message == "3 frames, every bit as expected"
    near, far, lost = same.copy(), same.copy(), same.copy()
    near[1, 1] += 0.0005
    assert standalone.compare_frames(near, expected).ok
    far[1, 1] += 0.002
    found = standalone.compare_frames(far, expected)
    assert not found.ok
    assert found.message == (
        f"1 of 3 frames are not as expected; the first is frame 1 of stream 0: confidence {far[1, 1]:.6g}, "
        f"expected {same[1, 1]:.6g} ± 0.001"
    )
    lost[0, 2] = np.nan
    assert not standalone.compare_frames(lost, expected).ok


def test_methods_tell_shapes_sizes_and_memory() -> None:
    fixed = methods(STREAM, "internal", 3616)
    assert [(tensor.name, tensor.shape) for tensor in fixed["forward"].inputs] == [("audio", (1, 960))]
    assert [tensor.shape for tensor in fixed["forward"].outputs] == [(1, 1)] * 3
    assert fixed["reset"].inputs[0].dtype == "bool"
    many = methods(replace(STREAM, streams=4, max_frames_per_chunk=32), "explicit", 3616)
    assert set(many) == {"forward"}
    shapes = [("audio", (4, "samples")), ("state", (4, 3616))]
    assert [(tensor.name, tensor.shape) for tensor in many["forward"].inputs] == shapes
    assert many["forward"].outputs[3] == many["forward"].inputs[1]
    assert [tensor.shape for tensor in many["forward"].outputs[:3]] == [(4, "frames")] * 3


def test_the_page_says_how_to_call_each_kind() -> None:
    internal, explicit = readme(described(measured())), readme(described(measured(), state="explicit"))
    for text in (internal, explicit):
        assert "48000 Hz" in text and "960 samples = 1 frame" in text and "LGPL-3.0" in text
        assert "did not pass" not in text and "not known" not in text
        assert all(section in text for section in ("## C++", "## Kotlin", "## Swift"))
    assert "make_tensor_ptr({1}, which, ScalarType::Bool)" in internal, "the overload for pointers defaults to floats"
    assert "bool which[] = {true, true, true};" in readme(described(measured(), replace(STREAM, streams=3)))
    assert "share_memory_arenas" in internal and "FloatArray(" not in internal
    assert "FloatArray(3616)" in explicit and "`reset`" not in explicit.split("## C++")[1]


def test_a_forced_bundle_says_so_on_page_and_manifest() -> None:
    stated = described(measured(verdict="fail", reasons=("too wrong",)))
    assert (stated.scores.verdict, stated.scores.forced) == ("fail", True)
    assert "> **This program did not pass.** Its verdict is *fail*: too wrong." in readme(stated)


def test_an_own_checkpoints_licence_is_not_guessed() -> None:
    record = measured()
    recipe = record.recipe.model_copy(update={"resolved": record.recipe.resolved | {"checkpoint": "mine.ckpt"}})
    stated = described(record.model_copy(update={"recipe": recipe}))
    assert [licence.licence for licence in stated.licences] == ["Apache-2.0", None]
    assert "not known: the weights are from a checkpoint file, not from pesto-pitch" in readme(stated)


def test_verify_py_needs_only_the_runtime_and_numpy() -> None:
    tree = ast.parse(Path(standalone.__file__).read_text())
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
    }
    assert imported - sys.stdlib_module_names == {"numpy", "executorch", "torch"}


@pytest.mark.skipif(shutil.which("g++") is None, reason="no g++ here")
def test_the_example_compiles_against_the_wheels_headers() -> None:
    import executorch

    wheel = Path(next(iter(executorch.__path__)))
    include = wheel / "include"
    flags = ["-std=c++17", "-Wall", "-Wextra", "-Werror", "-DC10_USING_CUSTOM_GENERATED_MACROS"]
    folders = ["-isystem", include, "-isystem", include / "executorch" / "runtime" / "core" / "portable_type" / "c10"]
    subprocess.run(["g++", "-fsyntax-only", *flags, *folders, EXAMPLE], check=True)
