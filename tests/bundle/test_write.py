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
from tests.helpers.records.results import stored
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
from workbench.storage.locks import LOCK_NAME, exclusive

FAILING = result_of(verdict="fail", reasons=("too big", "and more"))
ONNX = result_of(program__kind="onnx", program__path="program.onnx", program__state="none")
NO_PITCH_GATE = result_of(recipe__resolved__gates={"program.bytes": "<= 100_000_000"})
NO_PROGRAM = stored("int8-naive")


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# --- what may be bundled


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (FAILING, r"its verdict is fail \(too big; and more\); --force"),
        (NO_PITCH_GATE, r"its verdict is inconclusive, stored as pass \("),  # it passed by an older rule
        (NO_PROGRAM, "there is no program to bundle"),
        (ONNX, r"needs a \.pte .* program\.onnx with state none"),
    ],
    ids=["fail", "older rule", "no program", "onnx"],
)
def test_check_shippable_refuses_a_result(result: Result, words: str, tmp_path: Path) -> None:
    folder = variant_folder(result, tmp_path)
    with pytest.raises(WorkbenchError, match=words):
        check_shippable(StoredResult(result, folder, "run"), force=False)


def test_check_shippable_refuses_another_file(tmp_path: Path) -> None:
    folder = variant_folder(FAILING, tmp_path)
    variant, path = StoredResult(FAILING, folder, "run"), folder / "program.pte"
    assert check_shippable(variant, force=True) == path
    path.write_bytes(b"another")
    with pytest.raises(WorkbenchError, match="not the program that was scored"):
        check_shippable(variant, force=True)
    path.unlink()
    with pytest.raises(WorkbenchError, match="program is missing"):
        check_shippable(variant, force=True)


def test_bundle_of_several_variants_fails(tmp_path: Path) -> None:
    folders = [variant_folder(result, tmp_path) for result in (FAILING, NO_PROGRAM)]
    result = workbench("bundle", tmp_path)
    assert result.exit_code == 2
    assert f"holds 2 variants; name one ({folders[0]}, {folders[1]})" in last_error(result)


# --- what may be replaced


@pytest.mark.parametrize(
    "files",
    [
        {"mine": b""},
        {MANIFEST: b'{"name": "of a web page"}', CHECKSUMS: b""},
        {MANIFEST: b"7", CHECKSUMS: b""},
        {MANIFEST: b'{"bundle_format": 1}'},
        {CHECKSUMS: b""},
    ],
)
def test_check_destination_refuses_what_is_no_bundle(files: dict[str, bytes], tmp_path: Path) -> None:
    (tmp_path / "empty.zip").write_bytes(b"")
    (tmp_path / "thesis.zip").write_bytes(zipped(files if len(files) == 1 else {}))
    for out in (laid_out(files, tmp_path / "out"), tmp_path / "empty.zip", tmp_path / "thesis.zip"):
        with pytest.raises(WorkbenchError, match="not a bundle, so it is not replaced"):
            check_destination(out, overwrite=True)


def test_zipped_is_the_same_bytes_each_time(content: dict[str, bytes]) -> None:
    assert zipped(content) == zipped(dict(reversed(content.items())))
    with zipfile.ZipFile(io.BytesIO(zipped(content))) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == content
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


# --- writing


@pytest.fixture
def variant(tmp_path: Path) -> StoredResult:
    result = result_of()
    return StoredResult(result, variant_folder(result, tmp_path / "run"), "run")


@pytest.fixture
def earlier(tmp_path: Path, content: dict[str, bytes]) -> Path:
    """A file of the bundle that is at `out` already."""
    return laid_out({**content, "mine": b""}, tmp_path / "out") / "mine"


@pytest.fixture
def bundle(variant: StoredResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], object]:
    """Bundles a variant into `out`; no program is run."""
    metadata = parse_metadata(build_metadata(STREAM, 10.0, "alwa", "internal", 3616, OUTPUTS), Path("program.pte"))
    child = SimpleNamespace(call=lambda *_: metadata)
    monkeypatch.setattr(write, "IsolatedProcess", lambda: nullcontext(child))
    monkeypatch.setattr(contents, "record_golden", lambda *_: golden_of())
    monkeypatch.setattr(write, "verify", lambda *_: Verification((), ran=True))
    return lambda: write.write_bundle(variant, tmp_path / "out", None, 1.0, True, overwrite=True)  # type: ignore[arg-type]


def test_write_bundle_interrupted_keeps_the_earlier(
    bundle: Callable[[], object], earlier: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def interrupt(path: Path, to: Path) -> Path:
        if to == earlier.parent and path.name == "bundle":
            raise KeyboardInterrupt
        return rename(path, to)

    monkeypatch.setattr(Path, "rename", interrupt)
    with pytest.raises(KeyboardInterrupt):
        bundle()
    assert earlier.exists()
    assert names_in(tmp_path) == ["out", "run"]


def test_write_bundle_after_a_killed_process(
    bundle: Callable[[], object], earlier: Path, tmp_path: Path, content: dict[str, bytes]
) -> None:
    left = laid_out({}, tmp_path / ".out.bundling")
    laid_out(content, left / "bundle")
    earlier.parent.rename(left / "earlier")
    with write._staging_beside(earlier.parent) as staging:
        assert (staging, names_in(staging)) == (left, [LOCK_NAME])
    assert names_in(tmp_path) == ["out", "run"]
    assert earlier.exists(), "the earlier bundle is moved back"
    bundle()
    assert not earlier.exists()
    assert (tmp_path / "out" / PROGRAM).read_bytes() == content[PROGRAM]
    assert names_in(tmp_path) == ["out", "run"]


def test_write_bundle_refuses_a_folder_in_use(
    bundle: Callable[[], object], variant: StoredResult, earlier: Path, tmp_path: Path
) -> None:
    """Neither two bundles of one variant nor two at one path are written at once."""
    for taken in (variant.folder, tmp_path / ".out.bundling"):
        with exclusive(taken), pytest.raises(WorkbenchError, match=f"^{taken}: in use by another"):
            bundle()
    assert earlier.exists()
    assert names_in(tmp_path) == ["out", "run"]


def test_write_bundle_refuses_a_program_replaced_meanwhile(
    bundle: Callable[[], object], variant: StoredResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def replace_and_record(*_: object) -> Golden:
        with pytest.raises(WorkbenchError, match="in use by another"), exclusive(variant.folder):
            pass
        (variant.folder / "program.pte").write_bytes(b"another")
        return golden_of()

    monkeypatch.setattr(contents, "record_golden", replace_and_record)
    with pytest.raises(WorkbenchError, match="not the program that was scored"):
        bundle()
    assert not (tmp_path / "out").exists()
