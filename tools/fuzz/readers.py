"""Coverage-guided fuzzing of the readers of files from elsewhere, by atheris (libFuzzer). Started by hand:

    python -m tools.fuzz.readers --minutes 10 [--reader recipe] [--seed 1] [--out outputs/fuzz] [--json]
    python -m tools.fuzz.readers --reader zip --input outputs/fuzz/zip/crash-0a1b2c

The seeds are the shipped recipes, limits, the manifest of clips entry by entry, annotations of f0, two measured
results, and a bundle's manifest and zip; the dictionary has the words of the schemas and the signs of YAML. A reader
may return, or raise an error of the workbench with non-empty lines. Anything else, more than 5 s or more than 2 GB is a
finding. Each reader runs in a child process, which ends at its first finding, except for a slow input. --out contains
the inputs of findings and libFuzzer's log with the traceback; --input reads one of them again. Requires the extra
`fuzz`.
"""

import argparse
import gc
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import FunctionType
from typing import Any

from workbench.audio.annotations import read_pitch_track
from workbench.audio.clip_catalog import ClipCatalog
from workbench.audio.synth_manifest import Manifest, read_manifest
from workbench.bundle.verify import _opened
from workbench.bundle.verify_standalone import CHECKSUMS, MANIFEST, NotABundleError, check_hashes, checksums_text
from workbench.errors import WorkbenchError
from workbench.recipe import json_schema
from workbench.records.result import Result, gate_metrics, read_result
from workbench.workflows.load_recipes import load_gate_overrides, load_variants

ROOT = Path(__file__).parent.parent.parent
OPTIONS = ["-report_slow_units=5", "-timeout=60", "-rss_limit_mb=2048", "-keep_seed=1", "-print_final_stats=1"]
GUIDES = ("workbench", "ruamel.yaml.parser", "ruamel.yaml.constructor", "zipfile")  # not YAML's scanner: too slow
YAML = ["null", "{}", "[]", "&a ", "*a", "!!", "<<: ", "---\n", "- ", "? ", ": ", "'", '"', "|", ">", "<= ", ">= "]
YAML += ["1e999", ".nan", "../", ".inf", "1_000", "\\ud800", "2001-01-01", "true", "\n  ", "\t", "#", "%YAML 1.1\n"]

F0_SEEDS = [
    b"time,frequency,confidence\n0,220,0.9\n0.01,0,0.1\n",
    b"# truth: consensus\n# nan: unknown\nseconds;midi\r\n0,01;57,5\r\n0,02;nan\r\n",
    b'File type = "ooTextFile"\nObject class = "PitchTier"\n\n0\n1\n2\n0.1\n220\n0.11\n221\n',
    b'<sv><model sampleRate="100" type="sparse" dimensions="2" units="Hz"/><dataset/><point frame="1" value="9"/></sv>',
    b'{"annotations": [{"namespace": "pitch_hz", "data": {"time": [0, 0.01], "value": [220, -1.5]}}]}',
]


@dataclass(frozen=True)
class Reader:
    """How a file is read: its name, the function, the seeds of the mutations, and words for them to insert."""

    file: str
    read: Callable[[Path], object]
    seeds: list[bytes]
    words: list[str]


def readers() -> dict[str, Reader]:
    catalog = ClipCatalog(ROOT / "calib_audio")
    recipes = [path.read_bytes() for path in sorted((ROOT / "recipes").glob("*.yaml"))]
    limits = [b"program.bytes: <= 1_000\n", b"truth.rpa50_change: '>= -0.01'\ndeviation.voicing_flip_rate: null\n"]
    entries = [entry.model_dump(mode="json", exclude_none=True) for entry in catalog.manifest.score]
    clips = [json.dumps({"calibrate": [], "score": [entry]}).encode() for entry in entries]  # JSON is YAML
    records = [(ROOT / f"docs/records/measured/{name}.json").read_bytes() for name in ("float-xnnpack", "int8-naive")]
    f0_words = [
        "seconds",
        "midi",
        "cents",
        "nan",
        "# truth: ",
        "# nan: unknown",
        '"ooTextFile"',
        "pitch_midi",
        "frame",
        ";",
    ]
    names = ("program.pte", "golden/audio.wav", "golden/frames.csv")
    listed = {"bundle_format": 1, "files": {name: {"bytes": 4, "sha256": "0f" * 32} for name in names}}
    zips = [_zip("a/", "a/b", "c"), _zip("a", how=zipfile.ZIP_DEFLATED), _zip("a", how=zipfile.ZIP_LZMA), _zip("../x")]
    return {
        "recipe": Reader("r.yaml", lambda path: load_variants([path], catalog), recipes, _words(json_schema()) + YAML),
        "gates": Reader("g.yaml", load_gate_overrides, limits, [*gate_metrics(), *YAML]),
        "clips": Reader("manifest.yaml", read_manifest, clips, _words(Manifest.model_json_schema()) + YAML),
        "f0": Reader("take.f0", lambda path: read_pitch_track(path, 1.0), F0_SEEDS, f0_words),
        "record": Reader("result.json", read_result, records, _words(Result.model_json_schema())),
        "bundle": Reader(MANIFEST, _read_bundle, [json.dumps(listed).encode()], [*_words(listed), "\\ud800", "../"]),
        "zip": Reader("b.zip", _read_zip, zips, ["PK\1\2", "PK\3\4", "PK\5\6", "PK\6\6", "PK\6\7", "../", "a/b"]),
    }


def _zip(*names: str, how: int = zipfile.ZIP_STORED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", how) as archive:
        for name in names:
            archive.writestr(name, b"" if name.endswith("/") else b"x" * 40)
    return made.getvalue()


def _words(schema: dict[str, Any]) -> list[str]:
    return sorted(set(re.findall(r'"([\w./-]{2,30})"', json.dumps(schema))))


def _read_bundle(path: Path) -> None:
    """Reads a bundle's manifest with a SHA256SUMS that matches it, so that reading does not stop at the checksums."""
    path.with_name(CHECKSUMS).write_text(checksums_text({MANIFEST: hashlib.sha256(path.read_bytes()).hexdigest()}))
    check_hashes(path.parent)


def _read_zip(path: Path) -> None:
    with _opened(path):
        pass


def accepts(reader: Reader, folder: Path, content: bytes) -> bool:
    """Whether a reader accepts a content. Raises what a reader may not raise, AssertionError for a bad message."""
    path = folder / reader.file
    path.write_bytes(content)
    try:
        reader.read(path)
    except (WorkbenchError, NotABundleError) as error:
        lines = getattr(error, "problems", (str(error),))
        assert lines and all(line.strip() and "\n" not in line and line.isprintable() for line in lines), repr(lines)
        return False
    return True


def search(reader: Reader, folder: Path, options: list[str]) -> None:
    """Runs libFuzzer, which ends this process. Appends a byte to the file `accepted` for each accepted input."""
    import atheris

    for function in [each for each in gc.get_objects() if isinstance(each, FunctionType)]:
        if (function.__module__ or "").startswith(GUIDES):
            function.__code__ = atheris.patch_code(function.__code__, trace_dataflow=True)
    count = os.open(folder / "accepted", os.O_CREAT | os.O_WRONLY)
    atheris.Setup([sys.argv[0], *options], lambda content: accepts(reader, folder, content) and os.write(count, b"+"))
    atheris.Fuzz()


def search_in_child(name: str, reader: Reader, seconds: float, seed: int, out: Path) -> dict[str, Any]:
    """Returns the counts and findings of a search in a child process."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as made:
        corpus, seeds, words, folder = (Path(made) / part for part in ("corpus", "seeds", "words", "folder"))
        corpus.mkdir()
        seeds.mkdir()
        for number, content in enumerate(reader.seeds):
            (seeds / str(number)).write_bytes(content)
        escaped = ("".join(f"\\x{byte:02x}" for byte in word.encode()) for word in reader.words)
        words.write_text("".join(f'"{word}"\n' for word in escaped))
        shutil.copytree(ROOT / "recipes", folder)
        options = [*OPTIONS, f"-max_total_time={max(1, round(seconds))}", f"-seed={seed}", f"-dict={words}"]
        inside = [folder, *options, f"-artifact_prefix={out}/", corpus, seeds]
        command = [sys.executable, "-m", "tools.fuzz.readers", "--reader", name, "--inside", *map(str, inside)]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        accepted = (folder / "accepted").stat().st_size if (folder / "accepted").exists() else 0
    (out / "log").write_text(done.stdout)
    findings = re.findall(r"Test unit written to (.+)", done.stdout)
    if done.returncode and not findings:
        sys.exit(f"{name}: the search ended early:\n{done.stdout[-2000:]}")

    def last(pattern: str) -> int:
        return int((re.findall(pattern + r" (\d+)", done.stdout) or [0])[-1])

    return {
        "reader": name,
        "inputs": last("number_of_executed_units:"),
        "taken": accepted,
        "kept": last("corp:"),
        "coverage_of_seeds": last("INITED cov:"),
        "coverage": last("cov:"),
        "findings": findings,
    }


def main() -> int:
    known = readers()
    parser = argparse.ArgumentParser(description="Coverage-guided fuzzing of the readers.")
    parser.add_argument("--minutes", type=float, default=10, help="for all readers together")
    parser.add_argument("--reader", choices=list(known), help="only this one")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=ROOT / "outputs" / "fuzz", help="for inputs of findings, and logs")
    parser.add_argument("--json", action="store_true", help="print a line of JSON for each at the end")
    parser.add_argument("--input", type=Path, help="only read this file, as --reader does")
    parser.add_argument("--inside", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        search(known[options.reader], Path(options.inside[0]), options.inside[1:])
    if options.input:
        with tempfile.TemporaryDirectory() as made:
            folder = shutil.copytree(ROOT / "recipes", Path(made) / "folder")
            accepted = accepts(known[options.reader], folder, options.input.read_bytes())
        print("accepted" if accepted else "rejected with an error of the workbench")
        return 0
    if not find_spec("atheris"):
        sys.exit("atheris is not installed; pip install -e '.[fuzz]' brings it")
    chosen = [options.reader] if options.reader else list(known)
    rows = []
    for name in chosen:
        row = search_in_child(
            name, known[name], 60 * options.minutes / len(chosen), options.seed, options.out.resolve() / name
        )
        print(
            f"{name:8}{row['inputs']:9,} inputs, {row['taken']:7,} accepted, {row['kept']:5,} in the corpus, coverage",
            end=" ",
        )
        print(f"{row['coverage_of_seeds']:,} -> {row['coverage']:,}, {len(row['findings'])} findings")
        print(*(f"  {finding}\n" for finding in row["findings"]), sep="", end="", flush=True)
        rows.append(row)
    print(*(json.dumps(row) + "\n" for row in rows if options.json), sep="", end="")
    return int(any(row["findings"] for row in rows))


if __name__ == "__main__":
    sys.exit(main())
