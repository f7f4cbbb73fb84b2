"""Does this bundle's program, on this machine, still do what the manifest promises?

    python verify.py [BUNDLE_FOLDER] [--json]      exits with 0: it does; 1: it does not; 2: not a bundle

This file lies in every bundle as `verify.py` and needs nothing but ExecuTorch's Python runtime and numpy; the workbench
runs its own copy of it. First every file is held against its SHA-256, which finds damage and not a forger: nothing is
signed. Only a whole bundle's program is then loaded and fed the golden audio, from an empty memory, in the same calls.
"""

import argparse
import hashlib
import importlib.util
import json
import struct
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

BUNDLE_FORMAT = 1
MANIFEST, SUMS = "manifest.json", "SHA256SUMS"
PROGRAM, AUDIO, FRAMES = "program.pte", "golden/audio.wav", "golden/frames.csv"
COLUMNS = ("call", "frame", "stream", "pitch_semitones", "confidence", "volume")
WITHIN = ("pitch_within", "confidence_within", "volume_within")  # the same units; inf: not compared
RUNTIME = ("executorch", "torch")
MOST_BYTES = 1 << 30  # of one file
_LONGEST_NAME = 255  # bytes of a file's, with its folders': more than that, file systems do not take
_LFS_POINTER = b"version https://git-lfs"

Floats = NDArray[np.float32]


class NotABundleError(Exception):
    """There is nothing here that could be verified; one line."""


@dataclass(frozen=True)
class Finding:
    """What is to be said of one file of the bundle."""

    file: str
    ok: bool
    message: str


def canonical_sums(files: dict[str, str]) -> str:
    """SHA256SUMS for files and their SHA-256, as `sha256sum -c` reads it."""
    return "".join(f"{sha256}  {name}\n" for name, sha256 in sorted(files.items()))


def check_name(name: object) -> str:
    """A file's name inside a bundle. Raises NotABundleError for one that could lead outside, or that no disk takes."""
    plain = isinstance(name, str) and name.isprintable() and not set(name) & set('\\:*?"<>|')
    if not plain or PurePosixPath(str(name)).as_posix() != name or {"", ".", ".."} & set(str(name).split("/")):
        raise NotABundleError(f"names a file {name!r}, which could lie outside; do not use it")
    if len(str(name).encode()) > _LONGEST_NAME:
        raise NotABundleError(f"names a file {str(name)[:40]!r}..., longer than {_LONGEST_NAME} bytes")
    return str(name)


def check_hashes(folder: Path) -> tuple[dict[str, Any] | None, list[Finding]]:
    """Every file against the manifest, and manifest and SHA256SUMS against each other.

    Returns the manifest (None where it is damaged beyond reading) and a finding for each file. Raises NotABundleError
    where there is no manifest or no SHA256SUMS, for another format, and for names or links that lead outside.
    """
    try:
        manifest_bytes, sums = _read(folder, MANIFEST), _read(folder, SUMS)
    except FileNotFoundError as error:
        raise NotABundleError(f"no {error}; `workbench bundle` makes bundles") from None
    manifest_sha256 = hashlib.sha256(manifest_bytes).hexdigest()
    belongs = f"{manifest_sha256}  {MANIFEST}\n".encode() in sums
    torn = f"is not the one that {SUMS} knows: one of the two was changed"
    try:
        manifest = json.loads(manifest_bytes)
        named = {
            check_name(name): (entry["bytes"], _checked_sha256(entry["sha256"]))
            for name, entry in manifest["files"].items()
        }
        known, _ = manifest["bundle_format"], [named[name] for name in (PROGRAM, AUDIO, FRAMES)]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, NotABundleError) as error:
        if belongs:
            raise NotABundleError(str(error) if isinstance(error, NotABundleError) else _no_manifest(error)) from None
        return None, [Finding(MANIFEST, False, f"{torn}, and it cannot be read")]
    if known != BUNDLE_FORMAT and belongs:
        raise NotABundleError(f"bundle format {known!r}, this can read {BUNDLE_FORMAT}; use the verify.py inside it")
    findings = [_hashed(folder, name, *named[name]) for name in sorted(named)]
    findings.append(Finding(MANIFEST, belongs, "as bundled" if belongs else torn))
    right = canonical_sums({MANIFEST: manifest_sha256, **{name: sha256 for name, (_, sha256) in named.items()}})
    same = sums == right.encode()
    findings.append(Finding(SUMS, same, "as bundled" if same else f"is not what {MANIFEST} and its files give"))
    return manifest, findings


def _checked_sha256(value: object) -> str:
    """Raises ValueError for what is none: JSON can hold half a character, which nothing could print."""
    if not isinstance(value, str) or len(value) != 64 or not set(value) <= set("0123456789abcdef"):
        raise ValueError("a sha256 in it is none")
    return value


def _no_manifest(error: Exception) -> str:
    return f"its {MANIFEST} is none ({type(error).__name__}: {error})"


def _read(folder: Path, name: str) -> bytes:
    """A file's bytes. Raises FileNotFoundError with its name, and NotABundleError for a link or a giant."""
    path = folder
    for part in name.split("/"):
        path = path / part
        if path.is_symlink():
            raise NotABundleError(f"{name} is a link, and could lead outside; do not use it")
    if not path.is_file():
        raise FileNotFoundError(name)
    if path.stat().st_size > MOST_BYTES:
        raise NotABundleError(f"{name} has {path.stat().st_size} bytes, more than a bundle's file can have")
    return path.read_bytes()


def _hashed(folder: Path, name: str, size: object, sha256: object) -> Finding:
    try:
        content = _read(folder, name)
    except FileNotFoundError:
        return Finding(name, False, "is missing")
    found = hashlib.sha256(content).hexdigest()
    if found == sha256 and len(content) == size:
        return Finding(name, True, "as bundled")
    if content.startswith(_LFS_POINTER):
        return Finding(name, False, "is a Git LFS pointer, not the file; `git lfs pull` fetches it")
    if len(content) != size:
        return Finding(name, False, f"was changed: {len(content)} bytes, the manifest has {size}")
    return Finding(name, False, f"was changed: its sha256 is {found[:12]}…, the manifest's {str(sha256)[:12]}…")


def read_audio(path: Path) -> Floats:
    """(streams, samples) of a float32 WAV, whose channels are the streams."""
    content = path.read_bytes()
    at, channels = 12, 1
    while at + 8 <= len(content):
        kind, size = struct.unpack_from("<4sI", content, at)
        if kind == b"fmt ":
            channels = struct.unpack_from("<H", content, at + 10)[0]
        if kind == b"data":
            return np.frombuffer(content, "<f4", size // 4, at + 8).reshape(-1, channels).T.astype(np.float32)
        at += 8 + size + size % 2
    raise ValueError(f"{path.name} has no audio in it")


def read_frames(path: Path) -> dict[str, NDArray[np.float64]]:
    """The columns of the expected frames, each (rows,): a row for each frame of each stream, in order."""
    table = np.loadtxt(path, delimiter=",", skiprows=1, ndmin=2)
    return dict(zip((*COLUMNS, *WITHIN), table.T, strict=True))


def read_metadata(program: Any) -> dict[str, Any]:
    """What a program tells of its stream: the value of every method but the two that are called."""
    names = sorted(program.method_names - {"forward", "reset"})
    return {name: program.load_method(name).execute([])[0] for name in names}


def load(path: Path) -> Any:
    """The program of a file. Raises whatever the runtime raises for one that it cannot load."""
    from executorch.runtime import Runtime

    return Runtime.get().load_program(path)


def run_clip(program: Any, audio: Floats, frames_of_calls: list[int]) -> Floats:
    """Feed (streams, samples) from an empty memory, so many frames a call -> (3, streams, frames): pitch in semitones,
    confidence, volume."""
    import torch

    stream = read_metadata(program)
    forward, given = program.load_method("forward"), []
    if stream["state"] == "explicit":
        given = [torch.zeros(stream["streams"], stream["state_samples"])]
    else:  # loaded before the first call: loading it empties the memory
        program.load_method("reset").execute([torch.ones(stream["streams"], dtype=torch.bool)])
    parts, at = [], 0
    for frames in frames_of_calls:
        end = at + frames * stream["hop_samples"]
        chunk = np.ascontiguousarray(audio[:, at:end])
        if chunk.shape != (stream["streams"], end - at):
            raise ValueError(f"the golden audio {audio.shape} does not fill calls of {frames} frames")
        outputs = forward.execute([torch.from_numpy(chunk), *given])
        parts.append(np.stack([output.numpy().copy() for output in outputs[:3]]))
        given = outputs[3:]
        at = end
    return np.concatenate(parts, -1)


def run_clips(path: Path, audios: list[Floats], frames_of_calls: list[int]) -> list[Floats]:
    """`roll` over each of them, with a program's file."""
    program = load(path)
    return [run_clip(program, audio, frames_of_calls) for audio in audios]


def check_golden(folder: Path, manifest: dict[str, Any]) -> list[Finding]:
    """Run the program: is it the stream of the manifest, and are its frames within the stated distance?

    A runtime that crashes takes this process down: whoever has to survive that calls it in another one.
    """
    if not isinstance(manifest.get("stream"), dict):
        return [Finding(MANIFEST, False, "does not say the stream of its program")]
    try:
        program = load(folder / PROGRAM)
        stream = read_metadata(program)
        differs = [name for name, value in manifest["stream"].items() if stream.get(name) != value]
        if differs:
            says = ", ".join(f"{name} {stream.get(name)!r}, not {manifest['stream'][name]!r}" for name in differs)
            return [Finding(PROGRAM, False, f"is another program than the manifest's: {says}")]
        expected = read_frames(folder / FRAMES)
        calls = np.unique(expected["call"], return_counts=True)[1] // stream["streams"]
        got = run_clip(program, read_audio(folder / AUDIO), calls.tolist())
        here = got[:, expected["stream"].astype(int), expected["frame"].astype(int)]
    except Exception as error:  # what a runtime, and files that were sealed as nonsense, can raise has no end
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        return [Finding(PROGRAM, False, f"does not run here: {reason}")]
    return [Finding(PROGRAM, True, "loads and runs here"), _compared(here, expected)]


def _compared(here: Floats, expected: dict[str, NDArray[np.float64]]) -> Finding:
    off = np.abs(here - np.stack([expected[name] for name in COLUMNS[3:]]).astype(np.float32))
    within = np.stack([expected[name] for name in WITHIN])
    compared = np.isfinite(within)
    wrong = (compared & ~(off <= within)) | ~np.isfinite(here)  # NaN is within nothing
    frames = here.shape[1]
    if wrong.any():
        row = int(np.flatnonzero(wrong.any(0))[0])
        what = int(np.flatnonzero(wrong[:, row])[0])
        says = (
            f"{int(wrong.any(0).sum())} of {frames} frames are not as expected; the first is frame "
            f"{expected['frame'][row]:.0f} of stream {expected['stream'][row]:.0f}: {COLUMNS[3 + what]} "
            f"{here[what, row]:.6g}, expected {expected[COLUMNS[3 + what]][row]:.6g} ± {within[what, row]:.2g}"
        )
        return Finding(FRAMES, False, says)
    furthest = [float(off[what][compared[what]].max(initial=0.0)) for what in range(3)]
    if not any(furthest):
        return Finding(FRAMES, True, f"{frames} frames, every bit as expected")
    says = (
        f"{frames} frames as expected; furthest: pitch {100 * furthest[0]:.4f} cents, confidence {furthest[1]:.1e}, "
        f"volume {furthest[2]:.1e}"
    )
    return Finding(FRAMES, True, says)


def format_findings(findings: Sequence[Finding], ran: bool, as_json: bool) -> str:
    """A line for each file and the verdict, or the same as JSON; `ran`: whether the program was run."""
    verified = all(found.ok for found in findings)
    if as_json:
        return json.dumps({"verified": verified, "ran": ran, "findings": [asdict(found) for found in findings]})
    width = max(len(found.file) for found in findings)
    lines = [f"{'ok    ' if found.ok else 'FAILED'}  {found.file:{width}}  {found.message}" for found in findings]
    unrun = "" if ran else " (the program was not run: its bundle is damaged)"
    return "\n".join([*lines, "verified" if verified else f"NOT verified{unrun}"])


def main() -> int:
    parser = argparse.ArgumentParser(description="Verify a bundle: its files, and what its program does here.")
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).parent)
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    asked = parser.parse_args()
    try:
        manifest, findings = check_hashes(asked.folder)
    except (NotABundleError, OSError) as error:
        print(f"error: {asked.folder}: {error}", file=sys.stderr)
        return 2
    whole = manifest is not None and all(found.ok for found in findings)
    if whole and not all(map(importlib.util.find_spec, RUNTIME)):
        print(
            f"error: {asked.folder}: every file is as bundled, but nothing is installed that runs the program; "
            f"pip install {' '.join(RUNTIME)}",
            file=sys.stderr,
        )
        return 2
    if whole and manifest is not None:
        findings += check_golden(asked.folder, manifest)
    print(format_findings(findings, whole, asked.json))
    return 0 if all(found.ok for found in findings) else 1


if __name__ == "__main__":
    sys.exit(main())
