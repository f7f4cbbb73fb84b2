"""Checks that the files of this bundle are intact, and that its program returns the expected frames on this machine.

    python verify.py [BUNDLE_FOLDER] [--json]      exits with 0: verified; 1: not verified; 2: not a bundle

This is `verify.py` in every bundle; it needs only numpy and ExecuTorch's Python runtime. It compares every file with
its SHA-256, which detects damage but no forgery: a bundle is not signed. Then it runs the program on the golden audio.
"""

import argparse
import hashlib
import importlib.util
import json
import re
import struct
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

BUNDLE_FORMAT = 1
MANIFEST, CHECKSUMS = "manifest.json", "SHA256SUMS"
PROGRAM, AUDIO, FRAMES = "program.pte", "golden/audio.wav", "golden/frames.csv"
COLUMNS = ("call", "frame", "stream", "pitch_semitones", "confidence", "volume")
WITHIN = ("pitch_within", "confidence_within", "volume_within")  # the same units; inf: not compared
RUNTIME = ("executorch", "torch")
MAX_FILE_BYTES = 1 << 30
_MAX_NAME_BYTES = 255  # with its folders; file systems do not take more

Floats = NDArray[np.float32]


class NotABundleError(Exception):
    """What is given cannot be verified; the message is one line."""


@dataclass(frozen=True)
class Finding:
    """The result for one file of the bundle."""

    file: str
    ok: bool
    message: str


def checksums_text(sha256_by_name: dict[str, str]) -> str:
    """Returns SHA256SUMS in the format that `sha256sum -c` reads."""
    return "".join(f"{sha256}  {name}\n" for name, sha256 in sorted(sha256_by_name.items()))


def check_name(name: object) -> str:
    """Returns a file's name inside a bundle. Raises NotABundleError if it could lead outside or is too long."""
    plain = isinstance(name, str) and name.isprintable() and not set(name) & set('\\:*?"<>|')
    if not plain or PurePosixPath(str(name)).as_posix() != name or {"", ".", ".."} & set(str(name).split("/")):
        raise NotABundleError(f"names a file {name!r}, which could lie outside; do not use it")
    if len(str(name).encode()) > _MAX_NAME_BYTES:
        raise NotABundleError(f"names a file {str(name)[:40]!r}..., longer than {_MAX_NAME_BYTES} bytes")
    return str(name)


def check_hashes(folder: Path) -> tuple[dict[str, Any], list[Finding]]:
    """Compares every file with the manifest, and manifest and SHA256SUMS with each other.

    Returns the manifest (empty if it is damaged and cannot be read) and a finding for each file. Raises NotABundleError
    if there is no manifest or no SHA256SUMS, for another format, and for a name or a link that leads outside.
    """
    try:
        content, checksums = _read(folder, MANIFEST), _read(folder, CHECKSUMS)
    except FileNotFoundError as error:
        raise NotABundleError(f"no {error}; `workbench bundle` makes bundles") from None
    manifest_sha256 = hashlib.sha256(content).hexdigest()
    as_bundled = f"{manifest_sha256}  {MANIFEST}\n".encode() in checksums
    damaged = f"does not match {CHECKSUMS}: one of the two was changed"
    try:
        manifest, files = _read_manifest(content)
    except NotABundleError:
        if as_bundled:
            raise
        return {}, [Finding(MANIFEST, False, f"{damaged}, and it cannot be read")]
    found = manifest["bundle_format"]
    if found != BUNDLE_FORMAT and as_bundled:
        raise NotABundleError(f"bundle format {found!r}, this can read {BUNDLE_FORMAT}; use the verify.py inside it")
    findings = [_check_file(folder, name, *files[name]) for name in sorted(files)]
    findings.append(Finding(MANIFEST, as_bundled, "as bundled" if as_bundled else damaged))
    expected = {MANIFEST: manifest_sha256, **{name: sha256 for name, (_, sha256) in files.items()}}
    same = checksums == checksums_text(expected).encode()
    findings.append(Finding(CHECKSUMS, same, "as bundled" if same else f"is not the list of {MANIFEST} and its files"))
    return manifest, findings


def _read_manifest(content: bytes) -> tuple[dict[str, Any], dict[str, tuple[object, str]]]:
    """The manifest, and the size and SHA-256 of each file in it. Raises NotABundleError for any other JSON."""
    try:
        manifest = json.loads(content)
        files = {check_name(name): (entry["bytes"], entry["sha256"]) for name, entry in manifest["files"].items()}
        if not all(re.fullmatch("[0-9a-f]{64}", sha256) for _, sha256 in files.values()):
            raise ValueError("a sha256 is not 64 hexadecimal digits")
        _ = manifest["bundle_format"], [files[name] for name in (PROGRAM, AUDIO, FRAMES)]  # KeyError if one is missing
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise NotABundleError(f"{MANIFEST} is not a manifest ({type(error).__name__}: {error})") from None
    return manifest, files


def _read(folder: Path, name: str) -> bytes:
    """A file's bytes. Raises FileNotFoundError with its name, and NotABundleError for a link or a file too large."""
    path = folder / name
    if any(part.is_symlink() for part in (path, *path.parents[: name.count("/")])):
        raise NotABundleError(f"{name} is a link, and could lead outside; do not use it")
    if not path.is_file():
        raise FileNotFoundError(name)
    if path.stat().st_size > MAX_FILE_BYTES:
        raise NotABundleError(f"{name} has {path.stat().st_size} bytes, more than a bundle's file can have")
    return path.read_bytes()


def _check_file(folder: Path, name: str, size: object, sha256: object) -> Finding:
    try:
        content = _read(folder, name)
    except FileNotFoundError:
        return Finding(name, False, "is missing")
    found = hashlib.sha256(content).hexdigest()
    if found == sha256 and len(content) == size:
        return Finding(name, True, "as bundled")
    if content.startswith(b"version https://git-lfs"):
        return Finding(name, False, "is a Git LFS pointer, not the file; `git lfs pull` fetches it")
    if len(content) != size:
        return Finding(name, False, f"was changed: {len(content)} bytes, the manifest has {size}")
    return Finding(name, False, f"was changed: its sha256 is {found[:12]}…, the manifest's {str(sha256)[:12]}…")


def read_audio(path: Path) -> Floats:
    """Returns the (streams, samples) of a WAV of 32-bit floats, whose channels are the streams."""
    content = path.read_bytes()
    if b"data" not in content:
        raise ValueError(f"{path.name} has no audio in it")
    start = content.index(b"data") + 8
    size, (channels,) = struct.unpack_from("<I", content, start - 4)[0], struct.unpack_from("<H", content, 22)
    return np.frombuffer(content, "<f4", size // 4, start).reshape(-1, channels).T.astype(np.float32)


def read_frames(path: Path) -> dict[str, NDArray[np.float64]]:
    """Returns the columns of the expected frames, each (rows,): a row for each frame of each stream, in order."""
    table = np.loadtxt(path, delimiter=",", skiprows=1, ndmin=2)
    return dict(zip((*COLUMNS, *WITHIN), table.T, strict=True))


def load(path: Path) -> Any:
    """Returns the loaded program. Raises what the runtime raises if it cannot load the file."""
    from executorch.runtime import Runtime

    return Runtime.get().load_program(path)


def read_metadata(program: Any) -> dict[str, Any]:
    """Returns the program's metadata: the value of every method except `forward` and `reset`."""
    names = program.method_names - {"forward", "reset"}
    return {name: program.load_method(name).execute([])[0] for name in sorted(names)}


def run_clip(program: Any, audio: Floats, frames_of_calls: list[int]) -> Floats:
    """Runs a program from a reset: (streams, samples) -> (3, streams, frames), semitones, confidence and volume."""
    import torch

    metadata = read_metadata(program)
    forward, state = program.load_method("forward"), []
    if metadata["state"] == "explicit":
        state = [torch.zeros(metadata["streams"], metadata["state_samples"])]
    else:  # loaded before the first call: loading a method clears the state
        program.load_method("reset").execute([torch.ones(metadata["streams"], dtype=torch.bool)])
    parts, start = [], 0
    for frames in frames_of_calls:
        end = start + frames * metadata["hop_samples"]
        chunk = np.ascontiguousarray(audio[:, start:end])
        if chunk.shape != (metadata["streams"], end - start):
            raise ValueError(f"the golden audio {audio.shape} does not fill calls of {frames} frames")
        outputs = forward.execute([torch.from_numpy(chunk), *state])
        parts.append(np.stack([output.numpy().copy() for output in outputs[:3]]))
        state, start = outputs[3:], end
    return np.concatenate(parts, -1)


def check_golden(folder: Path, manifest: dict[str, Any]) -> list[Finding]:
    """Runs the program and compares metadata and frames with what is expected. A crash of it ends this process."""
    stream = manifest.get("stream")
    if not isinstance(stream, dict):
        return [Finding(MANIFEST, False, "has no stream metadata of its program")]
    try:
        program = load(folder / PROGRAM)
        metadata = read_metadata(program)
        different = [name for name in stream if metadata.get(name) != stream[name]]
        if different:
            differences = ", ".join(f"{name} {metadata.get(name)!r}, not {stream[name]!r}" for name in different)
            return [Finding(PROGRAM, False, f"is not the program of the manifest: {differences}")]
        expected, threshold = read_frames(folder / FRAMES), float(manifest.get("confidence_threshold", 0.0))
        calls = np.unique(expected["call"], return_counts=True)[1] // metadata["streams"]
        frames = run_clip(program, read_audio(folder / AUDIO), calls.tolist())
        found = frames[:, expected["stream"].astype(int), expected["frame"].astype(int)]
    except Exception as error:  # a runtime can raise anything, and so can files of nonsense with the right checksums
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        return [Finding(PROGRAM, False, f"does not run here: {reason}")]
    return [Finding(PROGRAM, True, "loads and runs here"), compare_frames(found, expected, threshold)]


def compare_frames(found: Floats, expected: dict[str, NDArray[np.float64]], threshold: float = 0.0) -> Finding:
    """Compares (3, rows) outputs with the expected ones, each in its tolerance; no pitch is shown below `threshold`."""
    values, within = (np.stack([expected[name] for name in names]) for names in (COLUMNS[3:], WITHIN))
    deviation = np.where(np.isfinite(within), np.abs(found - values.astype(np.float32)), 0.0)
    wrong = ~(deviation <= within) | ~np.isfinite(found)  # NaN is within nothing
    frames, wrong_rows = found.shape[1], np.flatnonzero(wrong.any(0))
    if wrong_rows.size:
        row = wrong_rows[0]
        output = np.flatnonzero(wrong[:, row])[0]
        first = f"frame {expected['frame'][row]:.0f} of stream {expected['stream'][row]:.0f}: {COLUMNS[3 + output]}"
        pair = f"{found[output, row]:.6g}, expected {values[output, row]:.6g} ± {within[output, row]:.2g}"
        message = f"{wrong_rows.size} of {frames} frames are not as expected; the first is {first} {pair}"
        return Finding(FRAMES, False, message)
    pitch, confidence, volume = deviation.max(1, initial=0.0)
    furthest = f"pitch {100 * pitch:.4f} cents, confidence {confidence:.1e}, volume {volume:.1e}"
    how = f" as expected; furthest: {furthest}" if deviation.any() else ", every bit as expected"
    shown = f"; {(found[1] >= threshold).sum()} have a pitch (confidence {threshold:g} or more)" if threshold else ""
    return Finding(FRAMES, True, f"{frames} frames{how}{shown}")


def format_findings(findings: Sequence[Finding], ran: bool, as_json: bool) -> str:
    """Returns a line for each file and the verdict, or the same as JSON; `ran` says if the program was run."""
    verified = all(found.ok for found in findings)
    if as_json:
        return json.dumps({"verified": verified, "ran": ran, "findings": [asdict(found) for found in findings]})
    width = max(len(found.file) for found in findings)
    lines = [f"{'ok    ' if found.ok else 'FAILED'}  {found.file:{width}}  {found.message}" for found in findings]
    not_run = "" if ran else " (the program was not run: its bundle is damaged)"
    return "\n".join([*lines, "verified" if verified else f"NOT verified{not_run}"])


def main() -> int:
    parser = argparse.ArgumentParser(description="Verify a bundle: its files, and what its program does here.")
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).parent)
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    arguments = parser.parse_args()
    try:
        manifest, findings = check_hashes(arguments.folder)
        intact = all(finding.ok for finding in findings)
        if intact and not all(map(importlib.util.find_spec, RUNTIME)):
            missing = f"the runtime of the program is not installed; pip install {' '.join(RUNTIME)}"
            raise NotABundleError(f"every file is as bundled, but {missing}")
    except (NotABundleError, OSError) as error:
        print(f"error: {arguments.folder}: {error}", file=sys.stderr)
        return 2
    if intact:
        findings += check_golden(arguments.folder, manifest)
    print(format_findings(findings, intact, arguments.json))
    return 0 if all(finding.ok for finding in findings) else 1


if __name__ == "__main__":
    sys.exit(main())
