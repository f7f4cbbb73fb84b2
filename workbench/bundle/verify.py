"""Checks a bundle, folder or zip, against its manifest. Of the bundle only its program is ever run."""

import stat
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from workbench.bundle import verify_standalone as standalone
from workbench.bundle.verify_standalone import PROGRAM, Finding, NotABundleError
from workbench.errors import ProgramError, WorkbenchError, first_line
from workbench.private_names import executorch_runtime
from workbench.runtime.isolation import IsolatedProcess
from workbench.storage.npz import ZIP_ERRORS

_MAX_FILES = 1000
_MAX_UNPACKED_BYTES = 1 << 30  # of all files of a zip together
_RUN_TIMEOUT_S = 1800.0  # for a minute of golden audio at most


@dataclass(frozen=True)
class Verification:
    """The finding for each file. `ran` says if the program was run; that of a damaged bundle is not."""

    findings: tuple[Finding, ...]
    ran: bool

    @property
    def verified(self) -> bool:
        return all(finding.ok for finding in self.findings)


def verify(bundle: Path, child: IsolatedProcess | None = None) -> Verification:
    """Checks a bundle's files and, if they are intact, runs its program on the golden audio.

    Args:
        bundle: A folder or a zip.
        child: The process in which the program runs; a new one by default.

    Raises:
        WorkbenchError: It is not a bundle.
    """
    try:
        with _opened(bundle) as folder:
            manifest, findings = standalone.check_hashes(folder)
            if not all(finding.ok for finding in findings):
                return Verification(tuple(findings), ran=False)
            return Verification((*findings, *_run(folder, manifest, child)), ran=True)
    except NotABundleError as error:
        raise WorkbenchError(f"{bundle}: not a bundle: {error}") from error


def _run(folder: Path, manifest: dict[str, Any], child: IsolatedProcess | None) -> list[Finding]:
    try:
        with nullcontext(child) if child else IsolatedProcess(_RUN_TIMEOUT_S) as process:
            return process.call(_check_golden, folder, manifest)
    except ProgramError as error:
        return [Finding(PROGRAM, False, f"does not run here: {error}")]


def _check_golden(folder: Path, manifest: dict[str, Any]) -> list[Finding]:
    executorch_runtime()  # before `check_golden` imports it: this one does not import ExecuTorch's compiler
    return standalone.check_golden(folder, manifest)


@contextmanager
def _opened(bundle: Path) -> Iterator[Path]:
    """The bundle as a folder. A zip is unpacked into a temporary folder, after its names and sizes are checked."""
    if bundle.is_dir():
        yield bundle
        return
    if not bundle.is_file():
        raise NotABundleError("there is no such folder or file")
    with tempfile.TemporaryDirectory(prefix="workbench-bundle-") as unpacked:
        try:
            with zipfile.ZipFile(bundle) as archive:
                _check_entries(archive.infolist())
                for entry in archive.infolist():
                    _unpack(archive, entry, Path(unpacked))
        except ZIP_ERRORS as error:
            if isinstance(error, OSError) and error.filename is not None:  # of a file on disk
                raise
            raise NotABundleError(f"a zip that cannot be read ({first_line(error)})") from error
        yield Path(unpacked)


def _check_entries(entries: list[zipfile.ZipInfo]) -> None:
    """Raises NotABundleError for anything that `workbench bundle` does not write."""
    if len(entries) > _MAX_FILES:
        raise NotABundleError(f"a zip of {len(entries)} files, more than the {_MAX_FILES} a bundle can have")
    total = sum(entry.file_size for entry in entries)
    if total > _MAX_UNPACKED_BYTES:
        raise NotABundleError(f"a zip of {total} bytes unpacked, more than the {_MAX_UNPACKED_BYTES} a bundle can have")
    names = set()
    for entry in entries:
        standalone.check_name(entry.filename.removesuffix("/"))  # other tools add an entry for each folder
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if kind not in (0, stat.S_IFDIR if entry.is_dir() else stat.S_IFREG):
            raise NotABundleError(f"{entry.filename} is a link or a device, not a file; do not use it")
        if entry.flag_bits & 1:
            raise NotABundleError(f"{entry.filename} is encrypted")
        if entry.filename in names:
            raise NotABundleError(f"{entry.filename} is in it twice")
        names.add(entry.filename)
    folders = {str(folder) for name in names for folder in PurePosixPath(name).parents}
    if names & folders:
        raise NotABundleError(f"{min(names & folders)} is in it as a file and as a folder")


def _unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path) -> None:
    """Writes one file, of exactly as many bytes as the zip states; folders are made for their files."""
    if entry.is_dir():
        return
    with archive.open(entry) as file:
        content = file.read(entry.file_size + 1)
    if len(content) != entry.file_size:
        raise NotABundleError(f"{entry.filename} has another size than the zip states; do not use it")
    path = folder / entry.filename
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
