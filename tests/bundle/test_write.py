"""What may be bundled, what a bundle may replace, and what is left if writing is interrupted."""

import io
import zipfile
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.helpers.bundles import STREAM, golden_of, laid_out, result_of, variant_folder
from tests.helpers.project import last_error, workbench
from tests.helpers.results import stored
from workbench.bundle import contents, write
from workbench.bundle.golden import Golden
from workbench.bundle.verify import Verification
from workbench.bundle.verify_standalone import CHECKSUMS, MANIFEST, PROGRAM
from workbench.bundle.write import check_destination, check_shippable, zipped
from workbench.errors import WorkbenchError
from workbench.export.metadata import build_metadata, parse_metadata
from workbench.recipe.options import OUTPUTS
from workbench.records.result import Result
from workbench.records.run_folders import StoredResult
from workbench.storage.locks import exclusive

FAILING = result_of(verdict="fail", reasons=("too big", "and more"))
ONNX = result_of(program__kind="onnx", program__path="program.onnx", program__state="none")
NO_PITCH_GATE = result_of(recipe__resolved__gates={"program.bytes": "<= 100_000_000"})
NO_PROGRAM = stored("int8-naive")


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# --- what may be bundled


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (FAILING, "its verdict is fail (too big; and more); --force bundles it anyway"),
        (NO_PITCH_GATE, "its verdict is inconclusive, stored as pass ("),  # it passed by an older rule
        (NO_PROGRAM, f"there is no program to bundle ({NO_PROGRAM.null_reasons['program']})"),
        (
            ONNX,
            "a bundle needs a .pte with internal or explicit state, and this is program.onnx with state none; bundle "
            "another variant",
        ),
    ],
    ids=["fail", "older rule", "no program", "onnx"],
)
def test_check_shippable_refuses_a_result(result: Result, message: str, tmp_path: Path) -> None:
    folder = variant_folder(result, tmp_path)
    with pytest.raises(WorkbenchError) as error:
        check_shippable(StoredResult(result, folder, "run"), force=False)
    assert str(error.value).startswith(f"{folder}: {message}")


def test_check_shippable_refuses_another_file(tmp_path: Path) -> None:
    folder = variant_folder(FAILING, tmp_path)
    variant, path = StoredResult(FAILING, folder, "run"), folder / "program.pte"
    assert check_shippable(variant, force=True) == path
    path.write_bytes(b"another")
    with pytest.raises(WorkbenchError, match=r"not the program that was scored .*; run the recipe again"):
        check_shippable(variant, force=True)
    path.unlink()
    with pytest.raises(WorkbenchError, match="program is missing; run the recipe again"):
        check_shippable(variant, force=True)


def test_bundle_of_several_variants_fails(tmp_path: Path) -> None:
    folders = [variant_folder(result, tmp_path) for result in (FAILING, NO_PROGRAM)]
    result = workbench("bundle", tmp_path)
    assert result.exit_code == 2
    assert last_error(result) == (
        f"error: {tmp_path}: holds 2 variants; name one ({folders[0]}, {folders[1]}), or let `workbench pick` choose"
    )


# --- what may be replaced


@pytest.mark.parametrize(
    "files",
    [
        {"mine": b""},
        {MANIFEST: b'{"name": "of a web page"}', CHECKSUMS: b""},
        {MANIFEST: b"7", CHECKSUMS: b""},
        {MANIFEST: b'{"bundle_format": 1}'},
    ],
)
def test_check_destination_refuses_another_folder(files: dict[str, bytes], tmp_path: Path) -> None:
    out = laid_out(files, tmp_path / "out")
    with pytest.raises(WorkbenchError) as error:
        check_destination(out, overwrite=True)
    assert str(error.value) == f"{out}: not a bundle, so it is not replaced; --out names another path"


@pytest.mark.parametrize("data", [b"", b"text", zipped({MANIFEST: b"{}"}), zipped({CHECKSUMS: b""})])
def test_check_destination_refuses_another_zip(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "thesis.zip").write_bytes(data)
    with pytest.raises(WorkbenchError, match="not a bundle"):
        check_destination(tmp_path / "thesis.zip", overwrite=True)


def test_check_destination_takes_a_bundle(content: dict[str, bytes], tmp_path: Path) -> None:
    (tmp_path / "b.zip").write_bytes(zipped(content))
    for out in (tmp_path / "b.zip", laid_out(content, tmp_path / "b"), tmp_path / "new"):
        check_destination(out, overwrite=True)
    with pytest.raises(WorkbenchError, match="exists already"):
        check_destination(tmp_path / "b", overwrite=False)


def test_zipped_is_the_same_bytes_each_time(content: dict[str, bytes]) -> None:
    backwards = dict(reversed(content.items()))
    assert zipped(content) == zipped(backwards)
    with zipfile.ZipFile(io.BytesIO(zipped(content))) as archive:
        assert archive.namelist() == sorted(content)
        assert {name: archive.read(name) for name in content} == content
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


# --- writing


@pytest.fixture
def variant(tmp_path: Path) -> StoredResult:
    result = result_of()
    return StoredResult(result, variant_folder(result, tmp_path / "run"), "run")


@pytest.fixture
def bundle(variant: StoredResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], object]:
    """Bundles a variant into `out`, which may have another bundle; no program is run."""
    metadata = parse_metadata(build_metadata(STREAM, 10.0, "alwa", "internal", 3616, OUTPUTS), Path("program.pte"))
    child = SimpleNamespace(call=lambda *_: metadata)
    monkeypatch.setattr(write, "IsolatedProcess", lambda: nullcontext(child))
    monkeypatch.setattr(contents, "record_golden", lambda *_: golden_of())
    monkeypatch.setattr(write, "verify", lambda *_: Verification((), ran=True))
    return lambda: write.write_bundle(variant, tmp_path / "out", None, 1.0, True, overwrite=True)  # type: ignore[arg-type]


def test_write_bundle_interrupted_keeps_the_earlier(
    bundle: Callable[[], object], tmp_path: Path, content: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    out, rename = laid_out({**content, "mine": b""}, tmp_path / "out"), Path.rename

    def interrupt(path: Path, to: Path) -> Path:
        if to == out and path.name == "bundle":
            raise KeyboardInterrupt
        return rename(path, to)

    monkeypatch.setattr(Path, "rename", interrupt)
    with pytest.raises(KeyboardInterrupt):
        bundle()
    assert (out / "mine").exists()
    assert names_in(tmp_path) == ["out", "run"]


def test_write_bundle_after_a_killed_process(
    bundle: Callable[[], object], tmp_path: Path, content: dict[str, bytes]
) -> None:
    out, left = tmp_path / "out", laid_out({}, tmp_path / ".out.bundling")
    laid_out(content, left / "bundle")
    laid_out({**content, "mine": b""}, left / "earlier")
    with write._staging_beside(out) as staging:
        assert (staging, list(staging.iterdir())) == (left, [])
    assert names_in(tmp_path) == ["out", "run"]
    assert (out / "mine").exists()  # the earlier bundle is moved back
    bundle()
    assert not (out / "mine").exists()
    assert (out / PROGRAM).read_bytes() == content[PROGRAM]
    assert names_in(tmp_path) == ["out", "run"]


def test_write_bundle_refuses_a_folder_in_use(
    bundle: Callable[[], object], variant: StoredResult, tmp_path: Path, content: dict[str, bytes]
) -> None:
    """Neither two bundles of one variant nor two at one path are written at once."""
    out = laid_out({**content, "mine": b""}, tmp_path / "out")
    for taken in (variant.folder, tmp_path / ".out.bundling"):
        with exclusive(taken), pytest.raises(WorkbenchError, match=f"^{taken}: in use by another"):
            bundle()
    assert (out / "mine").exists()
    assert names_in(tmp_path) == ["out", "run"]


def test_write_bundle_refuses_a_program_replaced_meanwhile(
    bundle: Callable[[], object], variant: StoredResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = variant.folder / "program.pte"

    def replace_and_record(*_: object) -> Golden:
        program.write_bytes(b"another")
        with pytest.raises(WorkbenchError, match="in use by another"), exclusive(program.parent):
            pass
        return golden_of()

    monkeypatch.setattr(contents, "record_golden", replace_and_record)
    with pytest.raises(WorkbenchError, match=f"^{program}: not the program that was scored"):
        bundle()
    assert not (tmp_path / "out").exists()
