"""The files of a bundle, as bytes by name: the same bytes each time."""

import hashlib
import json
from importlib.resources import files as resources
from pathlib import Path
from typing import Any

import jinja2

from workbench.audio.clip_catalog import ClipCatalog
from workbench.audit.verdict import confirm_pass
from workbench.bundle import verify_standalone
from workbench.bundle.golden import encode_wav, record_golden, to_csv
from workbench.bundle.licences import read_licence
from workbench.bundle.manifest import FileBytes, Manifest, manifest
from workbench.bundle.verify_standalone import AUDIO, CHECKSUMS, FRAMES, MANIFEST, PROGRAM, checksums_text
from workbench.errors import WorkbenchError
from workbench.recipe.options import OUTPUTS
from workbench.records.run_folders import StoredResult
from workbench.runtime.isolation import IsolatedProcess
from workbench.runtime.native import APP_SOURCES
from workbench.runtime.native import SOURCE as NATIVE_SOURCE
from workbench.runtime.open_program import describe_program


def bundle_contents(
    child: IsolatedProcess, variant: StoredResult, program: Path, catalog: ClipCatalog, seconds: float
) -> tuple[Manifest, dict[str, bytes]]:
    """Runs the program on the golden audio and returns the manifest, and every file of the bundle by name.

    Reads the program twice, so the caller holds the lock of the variant's folder.

    Args:
        child: The process in which the program runs.
        variant: Has a program.
        program: The file of the program.
        catalog: Has the clips for the golden audio.
        seconds: Duration of the golden audio.

    Raises:
        WorkbenchError: The program does not return all outputs, or its file is not the one that was scored.
        ProgramError: The program does not run.
    """
    assert variant.result.program is not None
    metadata = child.call(describe_program, program)
    stream = metadata.stream
    missing = [name for name in OUTPUTS if name not in metadata.outputs]
    if missing:
        raise WorkbenchError(
            f"{program}: does not return {' or '.join(missing)}, and a bundle has golden frames of all outputs; build "
            "it with all outputs"
        )
    threshold = float(variant.result.recipe.resolved["scoring"]["voiced_confidence"])
    golden = record_golden(child, program, stream, catalog, seconds, threshold)
    content = {
        PROGRAM: read_scored_program(program, variant.result.program.sha256),
        AUDIO: encode_wav(golden.audio, stream.sample_rate_hz),
        FRAMES: to_csv(golden).encode(),
        "verify.py": Path(verify_standalone.__file__).read_bytes(),
        ".gitattributes": _resource("gitattributes"),
        **{f"example/{name}": _resource(f"example/{name}") for name in ("main.cpp", "callback.c", "CMakeLists.txt")},
        **{f"example/{name}": (NATIVE_SOURCE / name).read_bytes() for name in APP_SOURCES},
    }
    draft = manifest(confirm_pass(variant.result), metadata, golden, {})
    content |= {licence.text: read_licence(licence.text) for licence in draft.licences if licence.text}
    content["README.md"] = readme(draft).encode()
    return with_checksums(draft, content)


def read_scored_program(path: Path, sha256: str) -> bytes:
    """Returns the bytes of a program. Raises WorkbenchError if they are not those that were scored."""
    content = path.read_bytes()
    found = _sha256(content)
    if found != sha256:
        raise WorkbenchError(
            f"{path}: not the program that was scored (its sha256 is {found[:12]}…, expected {sha256[:12]}…); run the "
            "recipe again"
        )
    return content


def with_checksums(plain: Manifest, content: dict[str, bytes]) -> tuple[Manifest, dict[str, bytes]]:
    """Returns the manifest with all files in it, and all files with the manifest and SHA256SUMS."""
    listed = {name: FileBytes(bytes=len(data), sha256=_sha256(data)) for name, data in sorted(content.items())}
    complete = plain.replace(files=listed)
    text = json.dumps(complete.model_dump(mode="json"), indent=2, allow_nan=False) + "\n"
    files = {MANIFEST: text.encode(), **content}
    files[CHECKSUMS] = checksums_text({name: _sha256(data) for name, data in files.items()}).encode()
    return complete, files


def readme(described: Manifest) -> str:
    """Returns README.md: how to call the program, and how it scored."""
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True, autoescape=False)
    environment.globals["number"] = _number
    template = environment.from_string(_resource("README.md.j2").decode())
    return template.render(m=described, internal=described.stream["state"] == "internal")


def _number(section: Any, *path_and_form: str) -> str:
    """A figure of the scores in a printf form, or "not known"."""
    *path, form = path_and_form
    for key in path:
        section = getattr(section, key, None)
    return "not known" if section is None else form % section


def _resource(name: str) -> bytes:
    return resources("workbench.bundle").joinpath("files", *name.split("/")).read_bytes()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
