"""A variant of a run as a bundle: folder or zip, whole or not at all, the same bytes each time."""

import hashlib
import io
import json
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, files
from importlib.resources import files as resources
from pathlib import Path
from typing import Any

import jinja2

from workbench.audio.corpus import Corpus
from workbench.audit.verdict import confirm_pass
from workbench.bundle import verify_standalone as standalone
from workbench.bundle.golden import record_golden, to_csv, wav
from workbench.bundle.manifest import FileBytes, Manifest, manifest
from workbench.bundle.verify import verify
from workbench.bundle.verify_standalone import AUDIO, FRAMES, MANIFEST, PROGRAM, SUMS, canonical_sums
from workbench.errors import ProgramError, WorkbenchError
from workbench.recipe.options import OUTPUTS
from workbench.records.run_folders import StoredResult, find_results
from workbench.runtime.isolation import IsolatedProcess
from workbench.runtime.open_program import describe_program
from workbench.storage.atomic import write_atomic
from workbench.storage.locks import exclusive
from workbench.storage.npz import ZIP_ERRORS

_ZIP_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest a zip can say
_NEW, _EARLIER = "bundle", "earlier"  # beside `out`: the bundle that is made, and what it replaces meanwhile
_LICENCES = {  # where each text lies in an installed package
    "licences/Apache-2.0.txt": ("pesto-workbench", "LICENSE"),
    "licences/LGPL-3.0.md": ("pesto-pitch", "LICENSE.md"),
}


def one_variant(run: Path) -> StoredResult:
    """The only variant in a place. Raises WorkbenchError where there are none or several."""
    kept = find_results([run])
    if len(kept) > 1:
        names = ", ".join(str(variant.folder) for variant in kept)
        raise WorkbenchError(f"{run}: holds {len(kept)} variants; name one ({names}), or let `workbench pick` choose")
    return kept[0]


def check_shippable(variant: StoredResult, force: bool) -> Path:
    """The program of a variant that may be bundled, by the current rules; `force` lets one through that did not pass.

    Raises WorkbenchError where it did not pass, has no program, or where the file is not the one that was scored.
    """
    record, folder = confirm_pass(variant.record), variant.folder
    if record.program is None:
        raise WorkbenchError(f"{folder}: there is no program to bundle ({record.null_reasons['program']})")
    if record.verdict != "pass" and not force:
        why = "; ".join(record.reasons)
        stored = "" if record.verdict == variant.record.verdict else f", stored as {variant.record.verdict}"
        raise WorkbenchError(f"{folder}: its verdict is {record.verdict}{stored} ({why}); --force bundles it anyway")
    if record.program.kind != "pte" or record.program.state not in ("internal", "explicit"):
        raise WorkbenchError(
            f"{folder}: a bundle holds a .pte that keeps its memory or hands it back, and this is "
            f"{record.program.path} with state {record.program.state}; bundle another variant"
        )
    path = folder / record.program.path
    if not path.is_file():
        raise WorkbenchError(f"{path}: the record's program is not there; run the recipe again")
    _scored(path, record.program.sha256)
    return path


def _scored(path: Path, sha256: str) -> bytes:
    """The bytes of a program, which are those that were scored: WorkbenchError where they are not."""
    content = path.read_bytes()
    if (found := _sha256(content)) != sha256:
        raise WorkbenchError(
            f"{path}: not the program that was scored (its sha256 is {found[:12]}…, the record's {sha256[:12]}…); run "
            "the recipe again"
        )
    return content


def check_destination(out: Path, overwrite: bool) -> None:
    """Raise WorkbenchError where something stands that may not be replaced: only a bundle may, with `overwrite`."""
    if not out.exists():
        return
    if not overwrite:
        raise WorkbenchError(f"{out}: exists already; --overwrite replaces a bundle, --out names another place")
    if out.is_dir() != (out.suffix != ".zip") or not _looks_like_a_bundle(out):
        raise WorkbenchError(f"{out}: not a bundle, and so not replaced; --out names another place")


def _looks_like_a_bundle(place: Path) -> bool:
    """Whether a folder has SHA256SUMS and a bundle's manifest, a zip files of those names; damaged ones may have."""
    try:
        if place.is_dir():
            return (place / SUMS).is_file() and "bundle_format" in json.loads((place / MANIFEST).read_bytes())
        with zipfile.ZipFile(place) as archive:
            return {MANIFEST, SUMS} <= set(archive.namelist())
    except (*ZIP_ERRORS, TypeError):
        return False


def write_bundle(
    variant: StoredResult, out: Path, corpus: Corpus, seconds: float, force: bool, overwrite: bool
) -> Manifest:
    """Bundle a variant into the folder `out`, or the file where it ends in .zip; verified before it appears there.

    Raises WorkbenchError as `check_shippable` and `check_place` do, and ProgramError where the program does not run.
    """
    program = check_shippable(variant, force)
    with exclusive(variant.folder), _staging_beside(out) as made, IsolatedProcess() as child:
        check_destination(out, overwrite)
        described, content = _content(child, variant, program, corpus, seconds)
        folder = made / _NEW
        for name, data in content.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        wrong = [found for found in verify(folder, child).findings if not found.ok]
        if wrong:
            raise ProgramError(
                f"{program}: its bundle does not verify ({wrong[0].file} {wrong[0].message}); nothing kept"
            )
        if out.suffix == ".zip":
            write_atomic(out, zipped(content))
        else:
            _swap(folder, out)
    return described


@contextmanager
def _staging_beside(out: Path) -> Iterator[Path]:
    """A hidden folder beside `out` to make a bundle in: it is one process's at a time, and so is `out`. It goes with
    all that a killed process left in it, once an earlier bundle that was moved there is back."""
    whole = out.absolute()  # which has a name also where `out` is "."
    made = whole.parent / f".{whole.name}.bundling"

    def tidy() -> None:
        if (made / _EARLIER).exists() and not whole.exists():
            (made / _EARLIER).rename(whole)
        for left in (_NEW, _EARLIER):
            shutil.rmtree(made / left, ignore_errors=True)

    with exclusive(made):
        tidy()
        try:
            yield made
        finally:
            tidy()


def _swap(folder: Path, out: Path) -> None:
    """Move a folder to where an earlier one may be, which then lies beside it."""
    if out.exists():
        out.rename(folder.with_name(_EARLIER))
    folder.rename(out)


def zipped(content: dict[str, bytes]) -> bytes:
    """Files as a zip: sorted, all of the same time, so that the same files are the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(content):
            entry = zipfile.ZipInfo(name, _ZIP_TIME)
            entry.compress_type, entry.external_attr, entry.create_system = zipfile.ZIP_DEFLATED, 0o100644 << 16, 3
            archive.writestr(entry, content[name])
    return buffer.getvalue()


def _content(
    child: IsolatedProcess, variant: StoredResult, program: Path, corpus: Corpus, seconds: float
) -> tuple[Manifest, dict[str, bytes]]:
    """Every file of the bundle, by name. For who is alone in the variant's folder, as it is read there twice."""
    assert variant.record.program is not None
    metadata = child.call(describe_program, program)
    stream = metadata.stream
    if missing := [name for name in OUTPUTS if name not in metadata.outputs]:
        raise WorkbenchError(
            f"{program}: returns no {' and no '.join(missing)}, and a bundle's goldens hold all outputs; build it with "
            "them"
        )
    threshold = float(variant.record.recipe.resolved["scoring"]["voiced_confidence"])
    golden = record_golden(child, program, stream, corpus, seconds, threshold)
    content = {
        PROGRAM: _scored(program, variant.record.program.sha256),
        AUDIO: wav(golden.audio, stream.sample_rate_hz),
        FRAMES: to_csv(golden).encode(),
        "verify.py": Path(standalone.__file__).read_bytes(),
        ".gitattributes": _resource("gitattributes"),
        "example/main.cpp": _resource("example/main.cpp"),
        "example/CMakeLists.txt": _resource("example/CMakeLists.txt"),
    }
    plain = manifest(confirm_pass(variant.record), metadata.entries(), stream, golden, {})
    content |= {text: _licence(text) for licence in plain.licences if (text := licence.text)}
    content["README.md"] = page(plain).encode()
    return with_checksums(plain, content)


def with_checksums(plain: Manifest, content: dict[str, bytes]) -> tuple[Manifest, dict[str, bytes]]:
    """The manifest with all files in it, and all files with the manifest and SHA256SUMS."""
    listed = {name: FileBytes(bytes=len(data), sha256=_sha256(data)) for name, data in sorted(content.items())}
    described = plain.model_copy(update={"files": listed})
    whole = {MANIFEST: (json.dumps(described.model_dump(mode="json"), indent=2, allow_nan=False) + "\n").encode()}
    whole |= content
    whole[SUMS] = canonical_sums({name: _sha256(data) for name, data in whole.items()}).encode()
    return described, whole


def page(described: Manifest) -> str:
    """README.md: how to call the program, and how well it does."""
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True, autoescape=False)
    environment.globals["number"] = _number
    template = environment.from_string(_resource("README.md.j2").decode())
    return template.render(m=described, internal=described.stream["state"] == "internal")


def _number(section: Any, *path_and_form: str) -> str:
    """A figure of the scores, or that there is none."""
    *path, form = path_and_form
    for key in path:
        section = getattr(section, key, None)
    return "not known" if section is None else form % section


def _resource(name: str) -> bytes:
    return resources("workbench.bundle").joinpath("files", *name.split("/")).read_bytes()


def _licence(text: str) -> bytes:
    """A licence as the package that it comes from has it. Raises WorkbenchError where it is not installed."""
    package, name = _LICENCES[text]
    try:
        found = [path for path in files(package) or () if path.name == name]
    except PackageNotFoundError:
        found = []
    if not found:
        raise WorkbenchError(f"{package}: its licence text ({name}) is not installed with it; install it anew")
    return Path(str(found[0].locate())).read_bytes()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
