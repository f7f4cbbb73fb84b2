"""Inputs that the workbench cannot use, and the message for each: the data of docs/bad-input.md and of its test.

Each case is created in a small project (one recipe, two short clips, programs of other tools) and given to a command.
Paths are relative to the project. `message` is the one line on stderr after "error: "; if the exit code is not 2, it
is a line of stdout.
"""

import io
import json
import os
import pickle
import stat
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

RECIPE = "description: A test\nsample_rate_hz: 16000\nchunk_samples: 320\nmirror: 1\n"
MANIFEST = """
calibrate:
  - {name: tone, kind: tones, notes: [57], note_s: 0.2, gap_s: 0.1, harmonics: 3, level_dbfs: -20}
score:
  - {name: sine, kind: tones, notes: [69], note_s: 0.2, gap_s: 0.1, harmonics: 1, level_dbfs: -40}
"""
RAN = Path("it-ran")  # the file that a malicious pickle or zip would write


@dataclass(frozen=True)
class Case:
    """One bad input: its name, the command, the message, and how to create it."""

    what: str
    command: str
    message: str
    make: Callable[[], object]
    code: int = 2


def text(name: str, content: str | bytes) -> Callable[[], object]:
    data = content.encode() if isinstance(content, str) else content

    def make() -> None:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(data)

    return make


def recipe(what: str, message: str, keys: str = "", whole: str | bytes | None = None) -> Case:
    """Returns the case of a recipe r.yaml: RECIPE with these keys, or another text."""
    replaced = {line.split(":")[0] for line in keys.splitlines()}
    kept = "".join(f"{line}\n" for line in RECIPE.splitlines() if line.split(":")[0] not in replaced)
    return Case(what, "check r.yaml", f"r.yaml: {message}", text("r.yaml", kept + keys if whole is None else whole))


def circle() -> None:
    Path("r.yaml").write_text(RECIPE + "extends: s\n")
    Path("s.yaml").write_text(RECIPE + "extends: r\n")


BOMB = "a: &a [x, x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True))

RECIPES = (
    Case("no such file", "check r.yaml", "r.yaml: there is no file 'r.yaml'", lambda: None),
    Case(
        "a folder without recipes",
        "check empty",
        "empty: contains no recipe (*.yaml); name another folder",
        lambda: Path("empty").mkdir(),
    ),
    recipe("an empty file", "is empty; a recipe is a mapping of keys to values", whole=""),
    recipe("a list", "is not a recipe; expected a mapping of keys to values, got a list", whole="- a\n"),
    recipe("10 MB", "is larger than 32_000 bytes; a recipe is not", whole=b"#" * 10_000_000),
    recipe("Latin-1", "line 2: is not UTF-8 text; save the file as UTF-8", whole=b"a: 1\nb: \xe9\n"),
    recipe("UTF-16", "line 1: is not UTF-8 text; save the file as UTF-8", whole=RECIPE.encode("utf-16")),
    recipe(
        "a billion laughs (aliases of aliases)",
        "line 2: uses the alias *a, which is not allowed; repeat the value",
        whole=BOMB,
    ),
    recipe(
        "nested 10,000 deep",
        "line 1: is nested more than 20 levels deep; flatten it",
        whole="a: " + "[" * 10_000,
    ),
    recipe(
        "a tag that calls Python",
        "line 1: uses the tag tag:yaml.org,2002:python/object/apply:os.system, which is not allowed; remove it",
        whole="a: !!python/object/apply:os.system [touch it-ran]\n",
    ),
    recipe(
        "a NUL in a value",
        "line 1: has a control character or half of a surrogate pair; remove it",
        whole='a: "\\0"\n',
    ),
    recipe("a repeated key", "line 3: has the key 'a' twice; remove one", whole="a: 1\nb: 2\na: 3\n"),
    recipe(
        "an invalid date",
        "has a value that YAML cannot read (month must be in 1..12); correct it",
        whole="a: 2001-99-99",
    ),
    recipe("an unknown key", "miror: is not a recipe key (did you mean 'mirror'?)", "miror: 1\n"),
    recipe("text instead of a number", "sample_rate_hz: expected a whole number, got 'fast'", "sample_rate_hz: fast\n"),
    recipe("a number out of range", "mirror: expected at most 1, got 2", "mirror: 2\n"),
    recipe("not a number", "mirror: expected a finite number, got nan", "mirror: .nan\n"),
    recipe(
        "a number of 7,000 digits",
        "chunk_samples: expected at most 1920000, got a huge number",
        f"chunk_samples: 0x{'F' * 6000}\n",
    ),
    recipe(
        "frames that do not divide the chunk",
        "frames_per_chunk: expected a divisor of chunk_samples (320), got 7",
        "frames_per_chunk: 7\n",
    ),
    recipe("extends itself", "extends: is circular: r.yaml -> r.yaml; remove one extends", "extends: r\n"),
    Case(
        "extends in a circle of two",
        "check r.yaml",
        "s.yaml: extends: is circular: r.yaml -> s.yaml -> r.yaml; remove one extends",
        circle,
    ),
    recipe("extends a missing file", "extends: there is no file 'base.yaml'", "extends: base\n"),
    recipe(
        "a matrix of 10,000 variants",
        "matrix: has 10000 variants, at most 256 are allowed; split it into several recipes",
        "matrix: {mirror: ["
        + ", ".join(f"0.{at:02}" for at in range(100))
        + "], speed.rounds: ["
        + ", ".join(str(at) for at in range(3, 103))
        + "]}\n",
    ),
    recipe(
        "a gate on no metric",
        "gates.program.byts: is not a metric of the record (did you mean 'program.bytes'?)",
        "gates: {program.byts: <= 1}\n",
    ),
    recipe(
        "a gate without a limit",
        "gates.program.bytes: expected a limit such as '<= 0.01' or '>= 5', got 'small'",
        "gates: {program.bytes: small}\n",
    ),
    Case(
        "a missing file of gates",
        "run recipes/least.yaml --gates no.yaml",
        "no.yaml: there is no file 'no.yaml'",
        lambda: None,
    ),
    recipe(
        "an unknown clip",
        "audio.score.0: there is no clip 'synthetic/score/sin' (did you mean 'synthetic/score/sine'?)",
        "audio: {score: [synthetic/score/sin]}\n",
    ),
)


def recording(
    name: str, samples: np.ndarray, rate_hz: int, subtype: str = "FLOAT", form: str = "WAV"
) -> Callable[[], object]:
    """Writes a recording into calib_audio/sung."""

    def make() -> None:
        path = Path("calib_audio/sung") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, samples, rate_hz, subtype, format=form)

    return make


def accepted(what: str, seconds: str, make: Callable[[], object]) -> Case:
    """Returns the case of an unusual recording that is used without a change."""
    return Case(what, "audio", f"sung/a {' ' * 36}{seconds:>6} s  f0 not known", make, 0)


def refused(what: str, message: str, make: Callable[[], object], name: str = "a.wav") -> Case:
    return Case(what, "audio", f"calib_audio/sung/{name}: {message}", make)


def three_hours() -> None:
    """A header and no samples on the disk: 8 kHz, 16 bit."""
    size = 3 * 3600 * 8000 * 2
    header = (
        b"RIFF" + struct.pack("<I", 36 + size) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16)
    )
    text("calib_audio/sung/a.wav", header + b"data" + struct.pack("<I", size))()
    os.truncate("calib_audio/sung/a.wav", 44 + size)


def half_a_wav() -> None:
    recording("a.wav", np.ones(48_000) / 9, 48_000)()
    os.truncate("calib_audio/sung/a.wav", 44 + 96_000)


def half_a_flac() -> None:
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 48_000)
    recording("a.flac", noise, 48_000, "PCM_16", "FLAC")()
    path = Path("calib_audio/sung/a.flac")
    os.truncate(path, path.stat().st_size // 2)


def unreadable() -> None:
    recording("a.wav", np.ones(800), 8000)()
    Path("calib_audio/sung/a.wav").chmod(0)


WAVE = 0.3 * np.sin(np.arange(48_000) / 20)
CONVERT = "convert it to wav or flac"
AUDIO = (
    refused(
        "empty file",
        f"cannot be decoded (Format not recognised); {CONVERT}",
        text("calib_audio/sung/a.wav", ""),
    ),
    refused("0 samples", "has no samples; record it again or delete it", recording("a.wav", WAVE[:0], 48_000)),
    accepted("1 sample", "0.0", recording("a.wav", WAVE[:1], 48_000)),
    refused(
        "NaN and infinities",
        "has 3 samples that are NaN or infinite; export it again as wav or flac",
        recording("a.wav", np.array([0, np.nan, np.inf, -np.inf, 0]), 48_000),
    ),
    accepted("only DC", "1.0", recording("a.wav", np.ones(48_000) / 2, 48_000)),
    Case(
        "a folder with the name of a wav: skipped",
        "audio",
        f"synthetic/score/sine {' ' * 22}   0.3 s  known f0",
        lambda: Path("calib_audio/sung/a.wav").mkdir(parents=True),
        0,
    ),
    accepted("clipped at full scale", "1.0", recording("a.wav", np.sign(WAVE), 48_000)),
    accepted("ten times over full scale", "1.0", recording("a.wav", 33 * WAVE, 48_000)),
    accepted("24 bit", "1.0", recording("a.wav", WAVE, 48_000, "PCM_24")),
    accepted("8 kHz", "6.0", recording("a.wav", WAVE, 8000)),
    accepted("192 kHz", "0.2", recording("a.wav", WAVE, 192_000)),
    accepted("8 channels", "1.0", recording("a.wav", np.tile(WAVE[:, None], 8), 48_000)),
    accepted("flac with the suffix wav", "1.0", recording("a.wav", WAVE, 48_000, "PCM_16", "FLAC")),
    accepted("a wav cut off in the middle: the part that exists", "0.5", half_a_wav),
    refused(
        "a flac cut off in the middle",
        "cannot be decoded (Error : flac decoder lost sync); convert it to wav or flac",
        half_a_flac,
        "a.flac",
    ),
    refused(
        "text with the suffix wav",
        f"cannot be decoded (Format not recognised); {CONVERT}",
        text("calib_audio/sung/a.wav", "la la"),
    ),
    refused(
        "m4a, as phones record",
        f"cannot be decoded (Format not recognised); {CONVERT}",
        text("calib_audio/sung/a.m4a", b"\0\0\0\x18ftypM4A "),
        "a.m4a",
    ),
    refused("3 hours", "has 3.0 hours of audio, at most 1 is allowed; cut it into parts", three_hours),
    refused("no read permission", "cannot be opened (Permission denied); check its permissions", unreadable),
    Case(
        "two files of one name",
        "audio",
        "calib_audio/sung: a.flac and a.wav have the same name; rename or delete one",
        lambda: (recording("a.wav", WAVE, 48_000)(), recording("a.flac", WAVE, 48_000, "PCM_16", "FLAC")()),
    ),
    refused(
        "a pitch track with three columns",
        "expected 2 columns, got 3; write seconds,hertz",
        lambda: (recording("a.wav", WAVE, 48_000)(), text("calib_audio/sung/a.csv", "0,220,0.9\n")()),
        "a.csv:1",
    ),
    refused(
        "a pitch track that runs backwards",
        "0.1 s is not after 0.2 s; sort the rows by time",
        lambda: (recording("a.wav", WAVE, 48_000)(), text("calib_audio/sung/a.csv", "0.2,220\n0.1,220\n")()),
        "a.csv:2",
    ),
    Case(
        "no such folder",
        "run recipes/least.yaml --audio no",
        "no: no such file or folder; check the path",
        lambda: None,
    ),
    Case(
        "a folder without audio",
        "run recipes/least.yaml --audio takes",
        "takes: has no audio; put wav, flac, ogg or mp3 files into the folder",
        lambda: Path("takes").mkdir(),
    ),
    Case(
        "a clip that also calibrates",
        "run recipes/least.yaml --audio calib_audio/synthetic/calibrate/tone.flac",
        "audio: calibrate and score share tone (the same as synthetic/calibrate/tone); remove them from one of the two",
        lambda: None,
    ),
    Case(
        "one bad file in a folder of audio",
        "run recipes/least.yaml --audio takes",
        f"takes/b.wav: cannot be decoded (Format not recognised); {CONVERT}",
        lambda: (text("takes/b.wav", "no")(), soundfile.write("takes/a.wav", np.ones(800) / 9, 8000)),
    ),
    Case(
        "a missing folder of clips",
        "run recipes/least.yaml --calib-audio nowhere",
        "nowhere/manifest.yaml: no such manifest; name a folder that has one, such as calib_audio",
        lambda: None,
    ),
    Case(
        "int8 without a clip that calibrates",
        "build r.yaml --out out",
        "r.yaml: audio.calibrate matches no clip in calib_audio, and int8 needs some; name existing clips",
        text("r.yaml", f"{RECIPE}quantization: {{parts: {{encoder.narrow: int8-static}}}}\naudio: {{calibrate: []}}\n"),
    ),
    Case(
        "an alias in the manifest of clips",
        "audio",
        "calib_audio/manifest.yaml: line 2: uses the alias *a, which is not allowed; repeat the value",
        text("calib_audio/manifest.yaml", "calibrate: &a []\nscore: *a\n"),
    ),
    Case(
        "a synthetic clip of 30 years",
        "audio",
        "calib_audio/manifest.yaml: score.0.silence.duration_s: Input should be less than or equal to 3600; correct "
        "the entry",
        text("calib_audio/manifest.yaml", "calibrate: []\nscore: [{name: a, kind: silence, duration_s: 1e9}]\n"),
    ),
)


def program(what: str, message: str, make: Callable[[], object], name: str = "p.pte") -> Case:
    return Case(what, f"track take.wav --program {name}", f"{name}: {message}", make)


def damaged(change: Callable[[bytes], bytes]) -> Callable[[], object]:
    """Writes p.pte: other.pte after a change."""
    return lambda: Path("p.pte").write_bytes(change(Path("other.pte").read_bytes()))


NO_PROGRAM = "not a program that this runtime can load"
NONE = "no such program; `workbench build RECIPE` makes one"
PROGRAMS = (
    program("no such file", NONE, lambda: None),
    program("a folder", NONE, lambda: Path("p.pte").mkdir()),
    program("an empty file", f"{NO_PROGRAM} (Failed to load program, error: 0x:12)", text("p.pte", "")),
    program("text", f"{NO_PROGRAM} (Failed to load program, error: 0x:23)", text("p.pte", "this is no program\n" * 9)),
    program("10 kB of zeros", f"{NO_PROGRAM} (Failed to load program, error: 0x:23)", text("p.pte", bytes(10_000))),
    program(
        "cut off in the middle",
        f"{NO_PROGRAM} (Failed to load program, error: 0x:23)",
        damaged(lambda whole: whole[: len(whole) // 2]),
    ),
    program(
        "first byte flipped",
        f"{NO_PROGRAM} (Failed to load program, error: 0x:23)",
        damaged(lambda whole: bytes([whole[0] ^ 1]) + whole[1:]),
    ),
    program(
        "another file identifier",
        f"{NO_PROGRAM} (Failed to load program, error: 0x:23)",
        damaged(lambda whole: whole[:4] + b"XX99" + whole[8:]),
    ),
    program(
        "a program of another model",
        "not a workbench program: it has no stream metadata; name one that `workbench build` wrote",
        lambda: None,
        "other.pte",
    ),
    program(
        "a program of another version of the workbench",
        "metadata format 2, expected 3; rebuild the program",
        lambda: None,
        "older.pte",
    ),
    program(
        "metadata with a missing entry",
        "the metadata entry sample_rate_hz is missing; rebuild the program",
        lambda: None,
        "half.pte",
    ),
    Case(
        "a folder instead of audio",
        "track takes --program mute.pte",
        "takes: expected an audio file, got a folder; name one of its files",
        lambda: Path("takes").mkdir(),
    ),
    program(
        "metadata with text instead of a number",
        "the metadata entry hop_samples is invalid (Input should be a valid integer); rebuild the program",
        lambda: None,
        "wordy.pte",
    ),
    Case(
        "a threshold of a picture, for a table",
        "track take.wav --program half.pte --threshold 0.3 --out take.csv",
        "--threshold applies to a .png, but --out is no .png; use --confidence-threshold to filter frames",
        lambda: None,
    ),
    Case(  # the last one: it crashes its process
        "10 kB of noise",
        "track take.wav --program p.pte",
        "the program crashed the runtime (last stderr line: what():  UnicodeDecodeError: 'utf-8' codec can't decode "
        "byte 0xcf in position 20: invalid continuation byte)",
        text("p.pte", np.random.default_rng(0).bytes(10_000)),
    ),
)


class Runs:
    """Unpickling it runs a command that writes a file."""

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return os.system, (f"touch {RAN}",)


def checkpoint(what: str, message: str, make: Callable[[Path], object]) -> Case:
    """Returns the case of a recipe whose checkpoint is own.ckpt."""

    def make_both() -> None:
        Path("r.yaml").write_text(RECIPE + "checkpoint: own.ckpt\n")
        make(Path("own.ckpt"))

    return Case(what, "build r.yaml --out built", f"{{here}}/own.ckpt: {message}", make_both)


def torch_save(content: Callable[[], object]) -> Callable[[Path], object]:
    def make(path: Path) -> None:
        import torch

        torch.save(content(), path)

    return make


def changed(change: Callable[[dict], object]) -> Callable[[], object]:
    """Returns the packaged checkpoint after a change."""

    def content() -> object:
        from workbench.model.checkpoint import checkpoint_path
        from workbench.model.upstream import read_checkpoint

        good = read_checkpoint(checkpoint_path("mir-1k_g7"))
        change(good)
        return good

    return content


def reshape_a_weight(good: dict) -> None:
    weights = good["state_dict"]
    name = next(name for name in weights if name.endswith("weight") and len(weights[name]) > 1)
    weights[name] = weights[name][:1]


NOT_A_CHECKPOINT = "not a checkpoint that torch can open; use one that torch.save wrote"
CHECKPOINTS = (
    Case(
        "an unknown name",
        "check r.yaml",
        "r.yaml: checkpoint: expected a packaged checkpoint (mir-1k, mir-1k_g7) or a .ckpt, .pt or .pth file, got "
        "'mir-1k_g8' (did you mean 'mir-1k_g7'?)",
        text("r.yaml", RECIPE + "checkpoint: mir-1k_g8\n"),
    ),
    Case(
        "no such checkpoint",
        "check r.yaml",
        "r.yaml: checkpoint: there is no file '{here}/own.ckpt'; check the path",
        text("r.yaml", RECIPE + "checkpoint: own.ckpt\n"),
    ),
    Case(
        "a folder",
        "check r.yaml",
        "r.yaml: checkpoint: there is no file '{here}/own.ckpt'; check the path",
        lambda: (text("r.yaml", RECIPE + "checkpoint: own.ckpt\n")(), Path("own.ckpt").mkdir()),
    ),
    checkpoint("an empty file", NOT_A_CHECKPOINT, lambda path: path.touch()),
    checkpoint("text", NOT_A_CHECKPOINT, lambda path: path.write_text("this is not a checkpoint\n")),
    checkpoint("a zip of something else", NOT_A_CHECKPOINT, lambda path: zipfile.ZipFile(path, "w").close()),
    checkpoint(
        "a list",
        "not a PESTO checkpoint: it has no hparams, state_dict, hcqt_params; see pesto-pitch",
        torch_save(lambda: [1]),
    ),
    checkpoint(
        "other keys",
        "not a PESTO checkpoint: it has no hparams, hcqt_params; see pesto-pitch",
        torch_save(lambda: {"state_dict": {}, "epoch": 3}),
    ),
    checkpoint(
        "no weights",
        "does not fit pesto-pitch's model: 22 weights missing, 0 unknown (first: shift); use mir-1k_g7",
        torch_save(changed(lambda good: good["state_dict"].clear())),
    ),
    checkpoint(
        "a weight of another shape",
        "does not fit pesto-pitch's model (size mismatch for encoder.conv1.0.weight: copying a param with shape "
        "torch.Size([1, 1, 39]) from checkpoint, the shape in current model is torch.Size([40, 1, 39]).); use "
        "mir-1k_g7",
        torch_save(changed(reshape_a_weight)),
    ),
    checkpoint(
        "a pickle that runs a command",
        "opening this checkpoint would run code from it; set trust_checkpoint: true in the recipe only if you know who "
        "made it",
        lambda path: path.write_bytes(pickle.dumps(Runs(), protocol=2)),
    ),
    checkpoint(
        "torch.save of an object that runs a command",
        "opening this checkpoint would run code from it; set trust_checkpoint: true in the recipe only if you know who "
        "made it",
        torch_save(lambda: {"hparams": Runs()}),
    ),
)


def bundle(
    change: Callable[[dict[str, bytes]], object] = lambda files: None, name: str = "b", **keys: object
) -> Callable[[], object]:
    """Writes a folder b like a bundle, with text as its program. The manifest gets `keys`; `change` is applied last."""
    from workbench.bundle.verify_standalone import AUDIO, CHECKSUMS, FRAMES, MANIFEST, PROGRAM, checksums_text

    def make() -> None:
        from hashlib import sha256

        files = dict.fromkeys((PROGRAM, AUDIO, FRAMES), b"none")
        listed = {name: {"bytes": 4, "sha256": sha256(b"none").hexdigest()} for name in files}
        listed |= keys.pop("more", {})  # type: ignore[operator, arg-type]
        files[MANIFEST] = json.dumps({"bundle_format": 1, "files": listed, **keys}).encode()
        checksums = {name: entry["sha256"] for name, entry in listed.items()} if isinstance(listed, dict) else {}
        files[CHECKSUMS] = checksums_text({**checksums, MANIFEST: sha256(files[MANIFEST]).hexdigest()}).encode()
        change(files)
        for name, content in files.items():
            text(f"b/{name}", content)()

    return make


def no_bundle(what: str, message: str, make: Callable[[], object], name: str = "b.zip") -> Case:
    return Case(what, f"verify {name}", f"{name}: not a bundle: {message}", make)


def zip_of(entry: zipfile.ZipInfo, content: bytes = b"x") -> Callable[[], object]:
    def make() -> None:
        with zipfile.ZipFile("b.zip", "w") as archive:
            archive.writestr(entry, content)

    return make


def link_to(target: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo("program.pte")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return entry


def zip_of_zeros() -> None:
    """Writes a few kB whose zip directory states 2 GB: reading the directory must be enough to refuse it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("program.pte", bytes(100_000))
    content = buffer.getvalue()
    Path("b.zip").write_bytes(content.replace(struct.pack("<I", 100_000), struct.pack("<I", 2_000_000_000)))


OUTSIDE = "which could lie outside; do not use it"
BUNDLES = (
    no_bundle("no such file", "there is no such folder or file", lambda: None),
    no_bundle("an empty folder", "no manifest.json; `workbench bundle` makes bundles", lambda: Path("b").mkdir(), "b"),
    no_bundle("text with the suffix zip", "a zip that cannot be read (File is not a zip file)", text("b.zip", "text")),
    no_bundle(
        "a zip cut off",
        "a zip that cannot be read (File is not a zip file)",
        lambda: (zip_of(zipfile.ZipInfo("a"))(), os.truncate("b.zip", 40)),
    ),
    no_bundle(
        "a zip with a path that leads out",
        f"names a file '../../it-ran', {OUTSIDE}",
        zip_of(zipfile.ZipInfo("../../it-ran")),
    ),
    no_bundle(
        "a zip with an absolute path", f"names a file '/tmp/it-ran', {OUTSIDE}", zip_of(zipfile.ZipInfo("/tmp/it-ran"))
    ),
    no_bundle(
        "a zip with a link",
        "program.pte is a link or a device, not a file; do not use it",
        zip_of(link_to("/etc/passwd")),
    ),
    no_bundle(
        "a zip that unpacks to 2 GB",
        "a zip of 2000000000 bytes unpacked, more than the 1073741824 a bundle can have",
        zip_of_zeros,
    ),
    no_bundle(
        "a manifest that points outside",
        f"names a file '../outside', {OUTSIDE}",
        bundle(more={"../outside": {"bytes": 0, "sha256": ""}}),
        "b",
    ),
    no_bundle(
        "a bundle of another version",
        "bundle format 9, this can read 1; use the verify.py inside it",
        bundle(bundle_format=9),
        "b",
    ),
    no_bundle(
        "a manifest that lists no files",
        "manifest.json is not a manifest (KeyError: 'program.pte')",
        bundle(files={}),
        "b",
    ),
    Case(
        "a wrong hash",
        "verify b",
        "FAILED  program.pte        was changed: its sha256 is 187897ce0afc…, the manifest's 140bedbf9c3f…",
        bundle(lambda files: files.update({"program.pte": b"more"})),
        1,
    ),
    Case(
        "a missing file",
        "verify b",
        "FAILED  golden/audio.wav   is missing",
        bundle(lambda files: files.pop("golden/audio.wav")),
        1,
    ),
    Case(
        "a manifest that was changed",
        "verify b",
        "FAILED  manifest.json      does not match SHA256SUMS: one of the two was changed",
        bundle(lambda files: files.update({"manifest.json": files["manifest.json"] + b" "})),
        1,
    ),
)


def npy() -> None:
    with Path("sine.npz").open("wb") as file:
        np.save(file, np.ones(15))


def program_of_another_recipe() -> None:
    """Writes a program with the notes of a stored result, for a file of another backend."""
    from hashlib import sha256

    record = json.loads((Path(__file__).parent.parent.parent / "docs/measured/float-xnnpack.json").read_bytes())
    program = {**record["program"], "path": "program.onnx", "sha256": sha256(b"").hexdigest()}
    text("program.onnx", "")()
    text("program.json", json.dumps({"fingerprint": "", "program": program}))()


EXISTING = '{"schema_version": 1}\n'  # a file that must not be replaced
KNOWN_F0 = "seconds,hertz\n0.00,220\n0.01,0\n"
IN_THE_WAY = "has a result, whose program would be replaced; choose another --out"
NO_RECORD = "run/v/result.json: not a result of schema version 1; run the recipe again"
RECORDS = (
    Case(
        "a missing folder",
        "compare run run",
        "run: no such file or folder; `workbench runs` lists the runs",
        lambda: None,
    ),
    Case(
        "a run without a record",
        "compare run run",
        "run: has no result.json; `workbench run` writes one for each variant",
        lambda: Path("run").mkdir(),
    ),
    Case("an empty record", "compare run run", NO_RECORD, text("run/v/result.json", "")),
    Case(
        "half a record", "compare run run", NO_RECORD, text("run/v/result.json", '{"schema_version": 1, "created": "20')
    ),
    Case(
        "a record of another version", "compare run run", NO_RECORD, text("run/v/result.json", '{"schema_version": 2}')
    ),
    Case("a record nested 100,000 deep", "compare run run", NO_RECORD, text("run/v/result.json", "[" * 100_000)),
    Case(
        "one array for the frames of a run",
        "score recipes/least.yaml --frames sine.npz",
        "sine.npz: not a file of frames from a run; use a .npz from its frames/ folder, or a .csv",
        npy,
    ),
    Case(
        "a program of another recipe",
        "score recipes/least.yaml --frames sine.csv --program program.onnx",
        "program.onnx: not a program of least (file is program.onnx, expected program.pte); name the one that gave the "
        "frames",
        program_of_another_recipe,
    ),
    Case(
        "frames after a reset at every call",
        "score r.yaml --frames sine.csv",
        "r.yaml: protocol: expected continuous for frames from another device, got reset-per-chunk",
        text("r.yaml", RECIPE + "protocol: reset-per-chunk\n"),
    ),
    Case(
        "--out that has the result of a run",
        "build recipes/least.yaml --out out",
        f"out/least: {IN_THE_WAY}",
        text("out/least/result.json", EXISTING),
    ),
    Case(
        "--out that is the folder of a variant",
        "profile recipes/least.yaml --out out",
        f"out: {IN_THE_WAY}",
        text("out/result.json", EXISTING),
    ),
    Case(
        "the same for a soak",
        "soak recipes/least.yaml --out out",
        f"out: {IN_THE_WAY}",
        text("out/result.json", EXISTING),
    ),
    Case(
        "--out that is the known f0 of the audio",
        "track take.wav --program p.pte --out ./take.csv",
        "take.csv: would replace the known f0 of take.wav; choose another --out",
        lambda: (text("take.wav", "")(), text("take.csv", KNOWN_F0)()),
    ),
    Case(
        "--out that is the known f0 of other audio",
        "track take.wav --program p.pte --out takes/b.csv",
        "takes/b.csv: would replace the known f0 of takes/b.FLAC; choose another --out",
        lambda: (text("takes/b.FLAC", "")(), text("takes/b.csv", KNOWN_F0)()),
    ),
    Case(
        "--out is a file",
        "build recipes/least.yaml --out out",
        "out/least: Not a directory; nothing more was written",
        text("out", EXISTING),
    ),
)

TABLES = {
    "Recipes": RECIPES,
    "Audio": AUDIO,
    "Programs": PROGRAMS,
    "Checkpoints": CHECKPOINTS,
    "Bundles": BUNDLES,
    "Results and output folders": RECORDS,
}


def markdown() -> str:
    """The table of all cases, as docs/bad-input.md."""
    count = sum(map(len, TABLES.values()))
    pages = [
        f"# Bad input\n\n{count} bad or unusual inputs, with the message for each. The table is generated from "
        "tests/cli/bad_input_cases.py, and\ntests/cli/test_bad_input.py runs every row. Exit code 2 is an error, with "
        "one line on stderr; 1 is a failed\nverification; 0 means that the input is accepted. Programs are loaded in a "
        "child process, no code of a checkpoint or a\nbundle is run, and no row leaves a file.\n"
    ]
    for title, cases in TABLES.items():
        rows = [f"| {case.what} | `{case.command}` | {case.code} | {_cell(case.message)} |" for case in cases]
        pages.append(
            "\n".join(
                [f"\n## {title}\n", "| input | command | exit code | message |", "| :-- | :-- | --: | :-- |", *rows, ""]
            )
        )
    return "".join(pages)


def _cell(message: str) -> str:
    plain = " ".join(message.replace("{here}/", "").split())
    return plain.replace("|", "\\|").replace("*", "\\*").replace("<", "&lt;")
