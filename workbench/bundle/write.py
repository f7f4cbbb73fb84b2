"""A variant of a run as a bundle: a folder or a zip, which appears complete or not at all."""

import io
import json
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workbench.audio.clip_catalog import ClipCatalog
from workbench.audit.verdict import confirm_pass
from workbench.bundle.contents import bundle_contents, read_scored_program
from workbench.bundle.manifest import Manifest
from workbench.bundle.verify import verify
from workbench.bundle.verify_standalone import CHECKSUMS, MANIFEST
from workbench.errors import ProgramError, WorkbenchError
from workbench.records.run_folders import StoredResult, find_results
from workbench.runtime.isolation import IsolatedProcess
from workbench.storage.atomic import write_atomic
from workbench.storage.locks import exclusive
from workbench.storage.npz import ZIP_ERRORS

_ZIP_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can hold
_NEW, _EARLIER = "bundle", "earlier"  # in the staging folder: the new bundle, and the one that it replaces


def one_variant(run: Path) -> StoredResult:
    """Returns the only variant below a path. Raises WorkbenchError if there are none or several."""
    variants = find_results([run])
    if len(variants) > 1:
        names = ", ".join(str(variant.folder) for variant in variants)
        raise WorkbenchError(
            f"{run}: holds {len(variants)} variants; name one ({names}), or let `workbench pick` choose"
        )
    return variants[0]


def check_shippable(variant: StoredResult, force: bool) -> Path:
    """Checks by the current rules that a variant may be bundled, and returns the path of its program.

    Args:
        variant: A stored result.
        force: Accept a variant that did not pass.

    Raises:
        WorkbenchError: The variant did not pass, has no program for a bundle, or the file is not the one that was
            scored.
    """
    result, folder = confirm_pass(variant.result), variant.folder
    if result.program is None:
        raise WorkbenchError(f"{folder}: there is no program to bundle ({result.null_reasons['program']})")
    if result.verdict != "pass" and not force:
        reasons = "; ".join(result.reasons)
        stored = "" if result.verdict == variant.result.verdict else f", stored as {variant.result.verdict}"
        raise WorkbenchError(
            f"{folder}: its verdict is {result.verdict}{stored} ({reasons}); --force bundles it anyway"
        )
    if result.program.kind != "pte" or result.program.state not in ("internal", "explicit"):
        raise WorkbenchError(
            f"{folder}: a bundle needs a .pte with internal or explicit state, and this is {result.program.path} with "
            f"state {result.program.state}; bundle another variant"
        )
    path = folder / result.program.path
    if not path.is_file():
        raise WorkbenchError(f"{path}: the result's program is missing; run the recipe again")
    read_scored_program(path, result.program.sha256)
    return path


def check_destination(out: Path, overwrite: bool) -> None:
    """Raises WorkbenchError if something at `out` may not be replaced: only a bundle may, with `overwrite`."""
    if not out.exists():
        return
    if not overwrite:
        raise WorkbenchError(f"{out}: exists already; --overwrite replaces a bundle, --out names another path")
    if out.is_dir() != (out.suffix != ".zip") or not _looks_like_a_bundle(out):
        raise WorkbenchError(f"{out}: not a bundle, so it is not replaced; --out names another path")


def _looks_like_a_bundle(path: Path) -> bool:
    """Whether a folder has SHA256SUMS and a bundle's manifest, or a zip has files of those names; also if damaged."""
    try:
        if path.is_dir():
            return (path / CHECKSUMS).is_file() and "bundle_format" in json.loads((path / MANIFEST).read_bytes())
        with zipfile.ZipFile(path) as archive:
            return {MANIFEST, CHECKSUMS} <= set(archive.namelist())
    except (*ZIP_ERRORS, TypeError):
        return False


def write_bundle(
    variant: StoredResult, out: Path, catalog: ClipCatalog, seconds: float, force: bool, overwrite: bool
) -> Manifest:
    """Bundles a variant. The bundle is verified before it appears at `out`.

    Args:
        variant: A stored result with its folder.
        out: The folder, or the file if it ends in .zip.
        catalog: Has the clips for the golden audio.
        seconds: Duration of the golden audio.
        force: Accept a variant that did not pass.
        overwrite: Replace a bundle at `out`.

    Raises:
        WorkbenchError: The variant cannot be bundled, or something at `out` may not be replaced.
        ProgramError: The program does not run, or the bundle does not verify.
    """
    program = check_shippable(variant, force)
    with exclusive(variant.folder), _staging_beside(out) as staging, IsolatedProcess() as child:
        check_destination(out, overwrite)
        described, content = bundle_contents(child, variant, program, catalog, seconds)
        folder = staging / _NEW
        for name, data in content.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        wrong = [finding for finding in verify(folder, child).findings if not finding.ok]
        if wrong:
            raise ProgramError(
                f"{program}: its bundle does not verify ({wrong[0].file} {wrong[0].message}); nothing was written"
            )
        if out.suffix == ".zip":
            write_atomic(out, zipped(content))
        else:
            _swap(folder, out)
    return described


@contextmanager
def _staging_beside(out: Path) -> Iterator[Path]:
    """A hidden folder beside `out` to make a bundle in, locked; only its holder writes `out`.

    Before and after, it is emptied of what a killed process left, and an earlier bundle that was moved into it is moved
    back if nothing took its place.
    """
    path = out.absolute()  # has a name also if `out` is "."
    staging = path.parent / f".{path.name}.bundling"

    def tidy() -> None:
        if (staging / _EARLIER).exists() and not path.exists():
            (staging / _EARLIER).rename(path)
        for name in (_NEW, _EARLIER):
            shutil.rmtree(staging / name, ignore_errors=True)

    with exclusive(staging):
        tidy()
        try:
            yield staging
        finally:
            tidy()


def _swap(folder: Path, out: Path) -> None:
    """Moves a folder to `out`, and an earlier bundle there to where the folder was."""
    if out.exists():
        out.rename(folder.with_name(_EARLIER))
    folder.rename(out)


def zipped(content: dict[str, bytes]) -> bytes:
    """Returns files as a zip, sorted and with one time, so that the same files are the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(content):
            entry = zipfile.ZipInfo(name, _ZIP_TIME)
            entry.compress_type, entry.external_attr, entry.create_system = zipfile.ZIP_DEFLATED, 0o100644 << 16, 3
            archive.writestr(entry, content[name])
    return buffer.getvalue()
