"""Bundles whose program is a text and whose golden frames no program returned."""

import json
from pathlib import Path

import numpy as np

from tests.helpers.records.results import stored, written
from workbench.bundle.contents import readme, with_checksums
from workbench.bundle.golden import Golden, _tolerance, encode_wav, to_csv
from workbench.bundle.manifest import Manifest, manifest
from workbench.bundle.verify_standalone import AUDIO, CHECKSUMS, FRAMES, MANIFEST, PROGRAM, checksums_text
from workbench.export.metadata import build_metadata, parse_metadata
from workbench.recipe.options import OUTPUTS, State
from workbench.recipe.stream_config import StreamConfig
from workbench.records.result import Result
from workbench.storage.hashing import sha256_of

EXAMPLE = Path(__file__).parent.parent.parent / "workbench" / "bundle" / "files" / "example" / "main.cpp"
STREAM = StreamConfig(48_000, 960, 1, 1.0)
TEXT_PROGRAM = b"no program"


def golden_of(stream: StreamConfig = STREAM, calls: tuple[int, ...] = (1, 1, 1)) -> Golden:
    """Random audio and frames, without any move by a nudge."""
    random = np.random.default_rng(0)
    audio = random.uniform(-1, 1, (stream.streams, sum(calls) * stream.hop_samples)).astype(np.float32)
    expected = random.uniform(0, 1, (3, stream.streams, sum(calls))).astype(np.float32)
    within, tolerance = _tolerance(expected, expected[None], 0.5)
    return Golden(("synthetic/score/phrase",) * stream.streams, audio, calls, expected, within, tolerance)


def described(result: Result, stream: StreamConfig = STREAM, state: State = "internal") -> Manifest:
    """The manifest of a result, without files."""
    metadata = parse_metadata(build_metadata(stream, 10.0, "alwa", state, 3616, OUTPUTS), Path("program.pte"))
    return manifest(result, metadata, golden_of(stream), {})


def bundle_of_text() -> dict[str, bytes]:
    """Files of a bundle by name; none of them depends on the environment except the manifest."""
    golden, plain = golden_of(), described(stored())
    content = {
        PROGRAM: TEXT_PROGRAM,
        AUDIO: encode_wav(golden.audio, STREAM.sample_rate_hz),
        FRAMES: to_csv(golden).encode(),
        "README.md": readme(plain).encode(),
        "example/main.cpp": EXAMPLE.read_bytes(),
    }
    return with_checksums(plain, content)[1]


def laid_out(content: dict[str, bytes], folder: Path) -> Path:
    """Writes files by name below a folder, and returns the folder."""
    folder.mkdir(exist_ok=True)
    for name, data in content.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def resealed(content: dict[str, bytes], **changes: object) -> dict[str, bytes]:
    """The bundle with changes to its manifest, and the checksums that it then has to have."""
    stated = json.loads(content[MANIFEST]) | changes
    changed = json.dumps(stated).encode()
    listed = stated["files"].items() if isinstance(stated["files"], dict) else ()
    checksums = {**{name: entry["sha256"] for name, entry in listed}, MANIFEST: sha256_of(changed)}
    return {**content, MANIFEST: changed, CHECKSUMS: checksums_text(checksums).encode(errors="replace")}


def result_of(program: bytes = TEXT_PROGRAM, **values: object) -> Result:
    """A stored result that passes, as if it were this program's."""
    return stored(program__sha256=sha256_of(program), program__bytes=len(program), **values)


def variant_folder(result: Result, run: Path, program: bytes = TEXT_PROGRAM) -> Path:
    """Writes a result and its program into a run, and returns the variant's folder."""
    folder = written(result, run)
    (folder / "program.pte").write_bytes(program)
    return folder
