"""Inputs that the workbench cannot use, and the message for each: the data of docs/reference/bad-input.md.

Each case is created in a small project (one recipe, two short clips, programs of other tools) and given to a command.
Paths are relative to the project. `message` is the one line on stderr after "error: "; if the exit code is not 2, it
is a line of stdout.
"""

import contextlib
import json
import os
import pickle
import socket
import stat
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import soundfile

from tests.helpers.models.students import write_student
from tests.helpers.project import LEAST_RECIPE
from tests.helpers.records.results import stored
from workbench.bundle.verify_standalone import checksums_text
from workbench.storage.cache_folder import CACHE_VARIABLE
from workbench.storage.hashing import sha256_of

RECIPE = LEAST_RECIPE.lstrip()
MANIFEST = """
calibrate:
  - {name: tone, kind: tones, notes: [57], note_s: 0.2, gap_s: 0.1, harmonics: 3, level_dbfs: -20}
score:
  - {name: sine, kind: tones, notes: [69], note_s: 0.2, gap_s: 0.1, harmonics: 1, level_dbfs: -40}
"""
RAN = Path("it-ran")  # the file that a malicious pickle or zip would write
LEAST = "recipes/least.yaml"
SPACE = (
    "base: int8-mixed\nkeys: {frontend_tolerance: {low: 0.001, high: 0.01}}\nconstraints: {program.bytes: <= 1 MB}\n"
)
INT4_CONFIDENCE = "quantization: {parts: {confidence.linear: int4-weights}}\n"
ALIAS = "uses the alias *a, which is not allowed; repeat the value"
NOT_UTF8 = "is not UTF-8 text; save the file as UTF-8"
NOT_DECODED = "cannot be decoded (Format not recognised); convert it to wav or flac"

Make = Callable[[], object]


def nothing() -> None: ...


def each(*makes: Make) -> Make:
    return lambda: [make() for make in makes]


def text(name: str, content: str | bytes) -> Make:
    def make() -> None:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(content.encode() if isinstance(content, str) else content)

    return make


def folder(name: str) -> Make:
    return lambda: Path(name).mkdir(parents=True)


def half(name: str, make: Make) -> Make:
    """Makes a file, then cuts it off in the middle."""
    return lambda: (make(), os.truncate(name, Path(name).stat().st_size // 2))


def study_of_another_space() -> None:
    import optuna

    optuna.create_study(storage="sqlite:///study.db", study_name="s").set_user_attr("space", "0")


@dataclass(frozen=True)
class Case:
    """One bad input: its name, the command, the message, and how to create it."""

    what: str
    command: str
    message: str
    make: Make = nothing
    code: int = 2


def no_recipe(what: str, message: str, content: str | bytes) -> Case:
    """Returns the case of a recipe r.yaml with this text."""
    return Case(what, "check r.yaml", f"r.yaml: {message}", text("r.yaml", content))


def recipe(what: str, message: str, key: str) -> Case:
    """Returns the case of the recipe RECIPE with this key."""
    rest = [line for line in RECIPE.splitlines() if line.split(":")[0] != key.split(":")[0]]
    return no_recipe(what, message, "\n".join([*rest, key, ""]))


BOMB = "a: &a [x, x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True))
MIRRORS, ROUNDS = ", ".join(f"0.{index:02}" for index in range(100)), ", ".join(map(str, range(3, 103)))
CIRCULAR = each(text("r.yaml", RECIPE + "extends: s\n"), text("s.yaml", RECIPE + "extends: r\n"))

RECIPES = (
    Case("no such file", "check r.yaml", "r.yaml: there is no file 'r.yaml'"),
    Case(
        "an unknown name",
        "run int8-mixt",
        "'int8-mixt': is neither a shipped recipe (did you mean 'int8-mixed'?) nor a file in {here}; "
        "`workbench recipes` lists the shipped ones",
    ),
    Case(
        "the name of a recipe in this folder",
        "run r",
        "'r': is neither a shipped recipe nor a file in {here}; write r.yaml for the file",
        text("r.yaml", RECIPE),
    ),
    Case(
        "a folder without recipes",
        "check empty",
        "empty: contains no recipe (*.yaml); name another folder",
        folder("empty"),
    ),
    no_recipe("an empty file", "is empty; a recipe is a mapping of keys to values", ""),
    no_recipe("a list", "is not a recipe; expected a mapping of keys to values, got a list", "- a\n"),
    no_recipe("10 MB", "is larger than 32_000 bytes; a recipe is not", b"#" * 10_000_000),
    no_recipe("Latin-1", f"line 2: {NOT_UTF8}", b"a: 1\nb: \xe9\n"),
    no_recipe("UTF-16", f"line 1: {NOT_UTF8}", RECIPE.encode("utf-16")),
    no_recipe("a billion laughs (aliases of aliases)", f"line 2: {ALIAS}", BOMB),
    no_recipe("nested 10,000 deep", "line 1: is nested more than 20 levels deep; flatten it", "[" * 10_000),
    no_recipe(
        "a tag that calls Python",
        "line 1: uses the tag tag:yaml.org,2002:python/object/apply:os.system, which is not allowed; remove it",
        "a: !!python/object/apply:os.system [touch it-ran]\n",
    ),
    no_recipe("a NUL in a value", "line 1: has a control character or half of a surrogate pair; remove it", '"\\0"'),
    no_recipe("a repeated key", "line 3: has the key 'a' twice; remove one", "a: 1\nb: 2\na: 3\n"),
    no_recipe(
        "an invalid date", "has a value that YAML cannot read (month must be in 1..12); correct it", "a: 2001-99-99"
    ),
    recipe("an unknown key", "miror: is not a recipe key (did you mean 'mirror'?)", "miror: 1"),
    recipe("text instead of a number", "sample_rate_hz: expected a whole number, got 'fast'", "sample_rate_hz: fast"),
    recipe("a number out of range", "mirror: expected at most 1, got 2", "mirror: 2"),
    recipe("a tolerance out of range", "frontend_tolerance: expected at most 0.1, got 1", "frontend_tolerance: 1"),
    recipe(
        "a tolerance of an exact front end",
        "frontend_tolerance: requires frontend: low-rank or three-stage, got upstream; change it, or remove "
        "frontend_tolerance",
        "frontend_tolerance: 1e-3",
    ),
    recipe("not a number", "mirror: expected a finite number, got nan", "mirror: .nan"),
    recipe(
        "a number of 7,000 digits",
        "chunk_samples: expected at most 1920000, got a huge number",
        f"chunk_samples: 0x{'F' * 6000}",
    ),
    recipe(
        "frames that do not divide the chunk",
        "frames_per_chunk: expected a divisor of chunk_samples (320), got 7",
        "frames_per_chunk: 7",
    ),
    recipe("extends itself", "extends: is circular: r.yaml -> r.yaml; remove one extends", "extends: r"),
    Case(
        "extends in a circle of two",
        "check r.yaml",
        "s.yaml: extends: is circular: r.yaml -> s.yaml -> r.yaml; remove one extends",
        CIRCULAR,
    ),
    recipe(
        "extends a missing file",
        "extends: there is no file 'int8-mixt.yaml' in the folder of r.yaml, and no shipped recipe 'int8-mixt' "
        "(did you mean 'int8-mixed'?)",
        "extends: int8-mixt",
    ),
    recipe(
        "a matrix of 10,000 variants",
        "matrix: has 10000 variants, at most 256 are allowed; split it into several recipes",
        f"matrix: {{mirror: [{MIRRORS}], speed.rounds: [{ROUNDS}]}}",
    ),
    recipe(
        "a gate on no metric",
        "gates.program.byts: is not a metric of the record (did you mean 'program.bytes'?)",
        "gates: {program.byts: <= 1}",
    ),
    recipe(
        "a gate on a metric with the name of another section",
        "gates.deviation.latency_ms: is not a metric of the record (did you mean 'latency.algorithmic_ms'?)",
        "gates: {deviation.latency_ms: <= 1}",
    ),
    recipe(
        "a gate on nothing like a metric",
        "gates.xyz: is not a metric of the record; `workbench metrics` lists them",
        "gates: {xyz: <= 1}",
    ),
    Case(
        "no metric of this name",
        "metrics xyz",
        "xyz: no metric has this in its name; `workbench metrics` lists all",
    ),
    recipe(
        "a gate without a limit",
        "gates.program.bytes: expected a limit such as '<= 0.01', '>= 5' or '<= 800 kB', got 'small'",
        "gates: {program.bytes: small}",
    ),
    recipe(
        "a gate with an unknown unit",
        "gates.program.bytes: expected a number of bytes, kB, MB, KiB, MiB, got '<= 800 KB'",
        "gates: {program.bytes: <= 800 KB}",
    ),
    recipe(
        "a gate on a misspelled time in the native host",
        "gates.speed.native.p99: is not a metric of the record (did you mean 'speed.native.p99_us'?)",
        "gates: {speed.native.p99: <= 1}",
    ),
    Case(
        "a limit without a number",
        "pick . --require speed.native.p99_us",
        "--require 'speed.native.p99_us': expected a metric and a limit, such as 'program.bytes <= 800 kB'",
    ),
    Case(
        "a limit that is none",
        "pick . --require program.bytes<5",
        "--require: program.bytes: expected a limit such as '<= 0.01', '>= 5' or '<= 800 kB', got '<5'",
    ),
    Case(
        "a limit on no metric",
        "pick . --require program.byts<=1",
        "--require: program.byts: is not a metric of the record (did you mean 'program.bytes'?)",
    ),
    Case(
        "two limits on one metric",
        "pick . --require program.bytes<=5 --require program.bytes>=1",
        "--require 'program.bytes>=1': program.bytes has a limit already; give one limit",
    ),
    Case(
        "an unknown key to set for one run",
        f"run {LEAST} --set miror=1",
        "--set miror: is not a recipe key (did you mean 'mirror'?)",
    ),
    Case(
        "a value out of range to set for one run",
        f"run {LEAST} --set mirror=2",
        f"{LEAST}: mirror: expected at most 1, got 2 [set by --set]",
    ),
    Case(
        "an unknown variant",
        f"run {LEAST} --variant leas",
        "--variant leas: no such variant (did you mean 'least'?); `workbench check` lists the names",
    ),
    Case(
        "a new recipe that exists",
        f"new {LEAST}",
        f"{LEAST}: exists; choose another name, or replace it with --overwrite",
    ),
    Case(
        "a new recipe in a missing folder",
        "new no/my.yaml",
        "no/my.yaml: there is no folder no; create it first",
    ),
    Case(
        "a new recipe whose name no folder can have",
        "new a=b.yaml",
        "a=b.yaml: the file name becomes a folder name; use letters, digits and . _ + -",
    ),
    Case("a missing file of gates", f"run {LEAST} --gates no.yaml", "no.yaml: there is no file 'no.yaml'"),
    recipe(
        "an unknown clip",
        "audio.score.0: there is no clip 'synthetic/score/sin' (did you mean 'synthetic/score/sine'?)",
        "audio: {score: [synthetic/score/sin]}",
    ),
    recipe(
        "an unknown corpus",
        "audio.score.0: there is no corpus 'vocadeeto' (did you mean 'vocadito'?)",
        "audio: {score: [corpus:vocadeeto]}",
    ),
    recipe(
        "a corpus that is not fetched",
        "audio.score.0: the corpus vocadito is not fetched; run `workbench corpus fetch vocadito`",
        "audio: {score: [corpus:vocadito]}",
    ),
)


WAVE = 0.3 * np.sin(np.arange(48_000) / 20)
NOISE = np.random.default_rng(0).uniform(-0.5, 0.5, 48_000)


def sung(name: str, content: str | bytes) -> Make:
    return text(f"calib_audio/sung/{name}", content)


def recording(samples: np.ndarray = WAVE, rate_hz: int = 48_000, subtype: str = "FLOAT", name: str = "a.wav") -> Make:
    """Writes a recording into calib_audio/sung; with a subtype of FLAC, that is its format whatever its name is."""
    form = "FLAC" if subtype == "PCM_16" else "WAV"
    return each(
        sung(name, ""), lambda: soundfile.write(f"calib_audio/sung/{name}", samples, rate_hz, subtype, format=form)
    )


def accepted(what: str, seconds: str, make: Make) -> Case:
    """Returns the case of an unusual recording that is used without a change."""
    return Case(what, "audio", f"sung/a {' ' * 36}{seconds:>6} s  f0 not known", make, 0)


def refused(what: str, message: str, make: Make, name: str = "a.wav") -> Case:
    return Case(what, "audio", f"calib_audio/sung/{name}: {message}", make)


def three_hours() -> None:
    """Writes a header and no samples on the disk: 8 kHz, 16 bit."""
    folder("calib_audio/sung")()
    with soundfile.SoundFile("calib_audio/sung/a.wav", "w", 8000, 1, "PCM_16") as file:
        file.truncate(3 * 3600 * 8000)


def no_length() -> None:
    """Writes 0 as the number of bytes of samples, as a recorder leaves it that loses power."""
    path = Path("calib_audio/sung/a.wav")
    content = bytearray(path.read_bytes())
    struct.pack_into("<I", content, content.index(b"data") + 4, 0)
    path.write_bytes(content)


AUDIO = (
    refused("empty file", NOT_DECODED, sung("a.wav", "")),
    refused("0 samples", "has no samples; record it again or delete it", recording(WAVE[:0])),
    accepted("1 sample", "0.0", recording(WAVE[:1])),
    refused(
        "NaN and infinities",
        "has 3 samples that are NaN or infinite; export it again as wav or flac",
        recording(np.array([0, np.nan, np.inf, -np.inf, 0])),
    ),
    accepted("only DC", "1.0", recording(np.ones(48_000) / 2)),
    Case(
        "a folder with the name of a wav: skipped",
        "audio",
        f"synthetic/score/sine {' ' * 22}   0.3 s  known f0",
        folder("calib_audio/sung/a.wav"),
        0,
    ),
    accepted("clipped at full scale", "1.0", recording(np.sign(WAVE))),
    accepted("ten times over full scale", "1.0", recording(33 * WAVE)),
    accepted("24 bit", "1.0", recording(subtype="PCM_24")),
    accepted("8 kHz", "6.0", recording(rate_hz=8000)),
    accepted("192 kHz", "0.2", recording(rate_hz=192_000)),
    accepted("8 channels", "1.0", recording(np.tile(WAVE[:, None], 8))),
    accepted("flac with the suffix wav", "1.0", recording(subtype="PCM_16")),
    accepted("a wav cut off in the middle: the part that exists", "0.5", half("calib_audio/sung/a.wav", recording())),
    refused(
        "a flac cut off in the middle",
        "cannot be decoded (Error : flac decoder lost sync); convert it to wav or flac",
        half("calib_audio/sung/a.flac", recording(NOISE, subtype="PCM_16", name="a.flac")),
        "a.flac",
    ),
    refused("text with the suffix wav", NOT_DECODED, sung("a.wav", "la la")),
    refused(
        "an m4a that is cut off",
        "cannot be decoded (Invalid data found when processing input); convert it to wav or flac",
        sung("a.m4a", b"\0\0\0\x18ftypM4A "),
        "a.m4a",
    ),
    accepted("a wav whose header says 0 bytes: its samples", "1.0", each(recording(), no_length)),
    accepted("channels in opposite phase: the louder one", "1.0", recording(np.column_stack([WAVE, -WAVE]))),
    Case(
        "the right channel of a mono file",
        f"run {LEAST} --audio calib_audio/sung/a.wav --channel right",
        "calib_audio/sung/a.wav: is mono, but right is to be read; choose another channel, or mix",
        recording(),
    ),
    recipe(
        "a channel that is not one",
        "audio.channel: expected mix, left, right or a number from 1 to 64, got 'centre'",
        "audio: {channel: centre}",
    ),
    Case(
        "robustness on a clip without a known f0",
        f"robustness {LEAST} --audio calib_audio/sung/a.wav --out out",
        f"{LEAST}: no scored clip has a known, voiced f0; write one beside the audio, as NAME.csv",
        recording(),
    ),
    Case(
        "a channel of the microphone",
        "live --terminal --channel left",
        "--channel chooses a channel of the file of --play; add --play, or drop it",
    ),
    refused("3 hours", "has 3.0 hours of audio, at most 1 is allowed; cut it into parts", three_hours),
    refused(
        "no read permission",
        "cannot be opened (Permission denied); check its permissions",
        each(recording(), lambda: Path("calib_audio/sung/a.wav").chmod(0)),
    ),
    Case(
        "two files of one name",
        "audio",
        "calib_audio/sung: a.flac and a.wav have the same name; rename or delete one",
        each(recording(), recording(subtype="PCM_16", name="a.flac")),
    ),
    refused(
        "a pitch track of notes with durations",
        "1.5 in the third column is no confidence from 0 to 1; write time,frequency in seconds and hertz",
        each(recording(), sung("a.csv", "0,220,1.5\n")),
        "a.csv:1",
    ),
    refused(
        "a pitch track whose times are samples",
        "the times are no seconds or milliseconds; write time,frequency in seconds and hertz",
        each(recording(), sung("a.csv", "sample,f0\n0,220\n")),
        "a.csv:1",
    ),
    refused(
        "a pitch track with two pitches at one time",
        "the time 0.2 s has another pitch at line 1; delete one of the two rows",
        each(recording(), sung("a.csv", "0.2,220\n0.19,220\n0.2,230\n")),
        "a.csv:3",
    ),
    refused(
        "a pitch track of a longer clip",
        "1.5 s is outside the clip, which has 1.00 s; the file belongs to another clip, or the unit of its times is "
        "wrong",
        each(recording(), sung("a.PitchTier", '"ooTextFile"\n"PitchTier"\n0 1.4 1\n1.5\t220\n')),
        "a.PitchTier:4",
    ),
    refused(
        "two files of known f0",
        "has several files of known f0 (a.csv and a.jams); keep one",
        each(recording(), sung("a.csv", "0,220\n"), sung("a.jams", "{}")),
    ),
    Case(
        "an unknown corpus",
        "corpus fetch vocadeeto --yes",
        "there is no corpus 'vocadeeto' (did you mean 'vocadito'?); `workbench corpus list` has all of them",
    ),
    Case(
        "the folder of a corpus that is not fetched",
        "corpus path vocadito",
        "vocadito: is not fetched; run `workbench corpus fetch vocadito`",
    ),
    Case(
        "annotating a recording that has a known f0",
        "annotate calib_audio/sung/a.wav",
        "calib_audio/sung/a.csv: is the known f0 of a.wav already; --overwrite replaces it",
        each(recording(), sung("a.csv", "0,220\n")),
    ),
    Case(
        "annotating a recording that is too short",
        "annotate calib_audio/sung/a.wav",
        "calib_audio/sung/a.wav: has 0.002 s, at least 0.2 s are needed; record more",
        recording(WAVE[:100]),
    ),
    Case(
        "converting an annotation whose header names another unit",
        "annotate calib_audio/sung/a.wav --from f0.txt --pitch-unit midi",
        "f0.txt:1: the unit of the pitch is not clear ('hz'); name one of hz, midi or cents",
        each(recording(), text("f0.txt", "s hz\n0 220\n")),
    ),
    Case("no such folder", f"run {LEAST} --audio no", "no: no such file or folder; check the path"),
    Case(
        "a folder without audio",
        f"run {LEAST} --audio takes",
        "takes: has no audio; put wav, flac, ogg or mp3 files into the folder",
        folder("takes"),
    ),
    Case(
        "a clip that also calibrates",
        f"run {LEAST} --audio calib_audio/sung/calibrate/a.wav",
        "audio: calibrate and score share a (the same as sung/calibrate/a); remove them from one of the two",
        recording(name="calibrate/a.wav"),
    ),
    Case(
        "one bad file in a folder of audio",
        f"run {LEAST} --audio takes",
        f"takes/b.wav: {NOT_DECODED}",
        each(text("takes/b.wav", "no"), lambda: soundfile.write("takes/a.wav", np.ones(800) / 9, 8000)),
    ),
    Case(
        "a missing folder of clips",
        f"run {LEAST} --calib-audio nowhere",
        "nowhere: has neither manifest.yaml nor sung/; put your recordings into nowhere/sung",
    ),
    Case(
        "int8 without a clip that calibrates",
        "build r.yaml --out out",
        "r.yaml: audio.calibrate matches no clip in calib_audio, and int8 needs some; name existing clips",
        text("r.yaml", f"{RECIPE}quantization: {{parts: {{encoder.narrow: int8-static}}}}\naudio: {{calibrate: []}}\n"),
    ),
    Case(
        "a scheme that XNNPACK cannot lower for a part",
        "check r.yaml",
        "r.yaml: quantization: encoder.first in int8-dynamic requires lowering.prefilter: fourier, fourier-shifted, "
        "fourier-halved or fourier-grouped (got conv); set it, or encoder.first: none",
        text("r.yaml", f"{RECIPE}quantization: {{parts: {{encoder: int8-dynamic}}}}\n"),
    ),
    Case(
        "a block size without blocks",
        "check r.yaml",
        "r.yaml: lowering: toeplitz_block requires toeplitz: block, got linear; change one of them",
        text("r.yaml", f"{RECIPE}lowering: {{toeplitz_block: 8}}\n"),
    ),
    Case(
        "a state that is stored once, but not in the program",
        "check r.yaml",
        "r.yaml: lowering: initial_state: once requires state: internal (got explicit); set initial_state: each-method",
        text("r.yaml", f"{RECIPE}state: explicit\nlowering: {{initial_state: once}}\n"),
    ),
    Case(
        "an alignment that no program needs",
        "check r.yaml",
        "r.yaml: lowering.segment_alignment: expected 16 or 128, got 4",
        text("r.yaml", f"{RECIPE}lowering: {{segment_alignment: 4}}\n"),
    ),
    Case(
        "integer weights in a convolution",
        "check r.yaml",
        "r.yaml: quantization: encoder.first and encoder.narrow in int8-weights require lowering.prefilter: "
        "fourier, fourier-shifted, fourier-halved or fourier-grouped (got conv); set it, or encoder.first: none, "
        "encoder.narrow: none; encoder.prefilter in int8-weights requires lowering.prefilter: fourier, fourier-shifted "
        "or fourier-halved (got conv); set it, or encoder.prefilter: none; layers that can: frontend (not upstream), "
        "confidence.linear, "
        "encoder.toeplitz",
        text("r.yaml", f"{RECIPE}quantization: {{parts: {{encoder: int8-weights}}}}\n"),
    ),
    Case(
        "a rule for frequencies that a prefilter does not have",
        "build r.yaml --out out",
        "quantization.parts: encoder.prefilter.*.frequency.>=99: matches no layer (unknown name, or overridden by more "
        "specific rules); known layers: encoder.first.0.linear, encoder.prefilter.0.0.frequency.(0 to 28), "
        "encoder.prefilter.1.0.frequency.(0 to 28), encoder.narrow.(0, 2, 4, 6), encoder.toeplitz, confidence.conv, "
        "confidence.linear",
        text(
            "r.yaml",
            f"{RECIPE}lowering: {{prefilter: fourier}}\n"
            "quantization: {parts: {'encoder.prefilter.*.frequency.>=99': int4-weights}}\n",
        ),
    ),
    Case(
        "integer weights that the backend does not store",
        "check r.yaml",
        "r.yaml: quantization: backend: onnx requires parts: none, int8-static, int8-weights or int16-weights "
        "(got int4-weights)",
        text("r.yaml", f"{RECIPE}state: explicit\nlowering: {{backend: onnx}}\n{INT4_CONFIDENCE}"),
    ),
    Case(
        "a setting of static schemes without one",
        "check r.yaml",
        "r.yaml: quantization: correct_bias has no effect if only weights are integers; remove it",
        text("r.yaml", f"{RECIPE}{INT4_CONFIDENCE.replace('}}', '}, correct_bias: true}')}"),
    ),
    Case(
        "an alias in the manifest of clips",
        "audio",
        f"calib_audio/manifest.yaml: line 2: {ALIAS}",
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


def program(what: str, message: str, make: Make = nothing, name: str = "p.pte") -> Case:
    return Case(what, f"track take.wav --program {name}", f"{name}: {message}", make)


def damaged(change: Callable[[bytes], bytes]) -> Make:
    """Writes p.pte: other.pte after a change."""
    return lambda: Path("p.pte").write_bytes(change(Path("other.pte").read_bytes()))


NO_PROGRAM = "no such program; `workbench build RECIPE` makes one"
REBUILD = "rebuild the program"
NOT_LOADED = "not a program that this runtime can load (Failed to load program, error: 0x:23)"
PROGRAMS = (
    program("no such file", NO_PROGRAM),
    program("a folder", "is a folder; name the file of the program in it, such as program.pte", folder("p.pte")),
    program("an empty file", NOT_LOADED.replace("23", "12"), text("p.pte", "")),
    program("text", NOT_LOADED, text("p.pte", "this is no program\n" * 9)),
    program("10 kB of zeros", NOT_LOADED, text("p.pte", bytes(10_000))),
    program("cut off in the middle", NOT_LOADED, half("p.pte", damaged(bytes))),
    program("first byte flipped", NOT_LOADED, damaged(lambda whole: bytes([whole[0] ^ 1]) + whole[1:])),
    program("another file identifier", NOT_LOADED, damaged(lambda whole: whole[:4] + b"XX99" + whole[8:])),
    program(
        "a program of another model",
        "not a workbench program: it has no stream metadata; name one that `workbench build` wrote",
        name="other.pte",
    ),
    program(
        "a program of another version of the workbench", f"metadata format 2, expected 3; {REBUILD}", name="older.pte"
    ),
    program(
        "metadata with a missing entry", f"the metadata entry sample_rate_hz is missing; {REBUILD}", name="half.pte"
    ),
    Case(
        "a folder instead of audio",
        "track takes --program mute.pte",
        "takes: expected an audio file, got a folder; name one of its files",
        folder("takes"),
    ),
    program(
        "metadata with text instead of a number",
        f"the metadata entry hop_samples is invalid (Input should be a valid integer); {REBUILD}",
        name="wordy.pte",
    ),
    Case(
        "a threshold of a picture, for a table",
        "track take.wav --program half.pte --threshold 0.3 --out take.csv",
        "--threshold applies to a .png, but --out is no .png; use --confidence-threshold to filter frames",
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


OWN = text("r.yaml", RECIPE + "checkpoint: own.ckpt\n")


def checkpoint(what: str, message: str, make: Make) -> Case:
    """Returns the case of a recipe whose checkpoint is own.ckpt."""
    return Case(what, "build r.yaml --out built", f"{{here}}/own.ckpt: {message}", each(OWN, make))


def torch_save(content: object) -> Make:
    def make() -> None:
        import torch

        torch.save(content, "own.ckpt")

    return make


def packaged(change: Callable[[dict], object]) -> Make:
    """Writes the packaged checkpoint after a change of its weights."""

    def make() -> None:
        from workbench.model.checkpoint import checkpoint_path
        from workbench.model.upstream import read_checkpoint

        content = read_checkpoint(checkpoint_path("mir-1k_g7"))
        change(content["state_dict"])
        torch_save(content)()

    return make


NOT_OPENED = "not a checkpoint that torch can open; use one that torch.save wrote"
NO_CKPT = "r.yaml: checkpoint: there is no file '{here}/own.ckpt'; check the path"
RUNS_CODE = (
    "opening this checkpoint would run code from it; set trust_checkpoint: true in the recipe only if you know who "
    "made it"
)
RESHAPED = "encoder.conv1.0.weight"
CHECKPOINTS = (
    recipe(
        "an unknown name",
        "checkpoint: expected a packaged checkpoint (mir-1k, mir-1k_g7, student) or a .ckpt, .pt, .pth or "
        ".safetensors file, got "
        "'mir-1k_g8' (did you mean 'mir-1k_g7'?)",
        "checkpoint: mir-1k_g8",
    ),
    Case("no such checkpoint", "check r.yaml", NO_CKPT, OWN),
    Case("a folder", "check r.yaml", NO_CKPT, each(OWN, folder("own.ckpt"))),
    checkpoint("an empty file", NOT_OPENED, text("own.ckpt", "")),
    checkpoint("text", NOT_OPENED, text("own.ckpt", "this is not a checkpoint\n")),
    checkpoint("a zip of something else", NOT_OPENED, lambda: zipfile.ZipFile("own.ckpt", "w").close()),
    checkpoint(
        "a list", "not a PESTO checkpoint: it has no hparams, state_dict, hcqt_params; see pesto-pitch", torch_save([1])
    ),
    checkpoint(
        "other keys",
        "not a PESTO checkpoint: it has no hparams, hcqt_params; see pesto-pitch",
        torch_save({"state_dict": {}, "epoch": 3}),
    ),
    checkpoint(
        "no weights",
        "does not fit pesto-pitch's model: 22 weights missing, 0 unknown (first: shift); use mir-1k_g7",
        packaged(lambda weights: weights.clear()),
    ),
    checkpoint(
        "a weight of another shape",
        f"does not fit pesto-pitch's model (size mismatch for {RESHAPED}: copying a param with shape "
        "torch.Size([1, 1, 39]) from checkpoint, the shape in current model is torch.Size([40, 1, 39]).); use "
        "mir-1k_g7",
        packaged(lambda weights: weights.update({RESHAPED: weights[RESHAPED][:1]})),
    ),
    checkpoint("a pickle that runs a command", RUNS_CODE, text("own.ckpt", pickle.dumps(Runs(), protocol=2))),
    checkpoint("torch.save of an object that runs a command", RUNS_CODE, torch_save({"hparams": Runs()})),
)


STUDENT = text("r.yaml", RECIPE + "checkpoint: own.safetensors\n")


def student(what: str, message: str, make: Make) -> Case:
    """Returns the case of a recipe whose checkpoint is the student own.safetensors."""
    return Case(what, "build r.yaml --out built", f"{{here}}/own.safetensors: {message}", each(STUDENT, make))


def stored_student(change: Callable[[dict], object] = id, **card: object) -> Make:
    return lambda: write_student(Path("own.safetensors"), change, **card)


def without_card() -> None:
    import torch
    from safetensors.torch import save_file

    save_file({"weight": torch.ones(2)}, "own.safetensors")


def training(what: str, message: str, keys: str, *more: Make) -> Case:
    return Case(what, "train r.yaml --out built", message, each(text("r.yaml", RECIPE + keys), *more))


SECONDS = "epochs: 2, frames_per_step: 8, data: {batches: 1, clips_per_batch: 2, clip_seconds: 2}"  # of a training
MIR_1K_G7 = "16c32e06ddd9"  # the start of its SHA-256
OTHER_LAYERS = "its weights do not fit the architecture in its card; train the student again"
STUDENTS = (
    student(
        "text",
        "not a file of safetensors; use a student that `workbench train` wrote",
        text("own.safetensors", "no student\n"),
    ),
    student(
        "a pickle under this name",
        "not a file of safetensors; use a student that `workbench train` wrote",
        each(torch_save(Runs()), lambda: Path("own.ckpt").rename("own.safetensors")),
    ),
    student(
        "weights without a card",
        "has weights but no card of a student; use one that `workbench train` wrote",
        without_card,
    ),
    student("weights of another architecture", OTHER_LAYERS, stored_student(lambda weights: weights.popitem())),
    student(
        "weights that are not finite",
        "has weights that are not finite; train the student again",
        stored_student(lambda weights: weights["bias"].fill_(float("nan"))),
    ),
    student(
        "a student of another rate",
        "the student was trained at 48000 Hz, and the recipe has 16000; set sample_rate_hz: 48000, or train a student "
        "at 16000 Hz",
        stored_student(sample_rate_hz=48_000),
    ),
    student(
        "a student of a teacher that is another file",
        f"its teacher mir-1k_g7 is another file now (sha256 {MIR_1K_G7}… instead of 000000000000…); train the student "
        "again",
        stored_student(teacher_sha256="0" * 64),
    ),
    *(
        recipe(f"a student with {key}", f"{section}: {message}", f"checkpoint: student\n{section}: {{{key}}}")
        for section, key, message in (
            (
                "lowering",
                "prefilter: fourier",
                "prefilter: for a layer of PESTO that a student does not have; remove it",
            ),
            (
                "lowering",
                "backend: torchscript",
                "backend: torchscript is upstream's own trace, which has no student; use another backend",
            ),
            (
                "quantization",
                "parts: {encoder: int8-static}",
                "a student in int8-static requires leaky_relu: float (got int8), because an int8 one cannot be lowered",
            ),
        )
    ),
    training(
        "a student of a student",
        "r.yaml: checkpoint: is a student itself; name its teacher, such as mir-1k_g7",
        "checkpoint: own.safetensors\n",
        stored_student(),
    ),
    training(
        "no clips to train on",
        "r.yaml: student.data.calibration_clips: audio.calibrate matches no clip; name some",
        "student: {data: {calibration_clips: train}}\naudio: {calibrate: []}\n",
    ),
    training(
        "a copy of a scoring clip among the training clips",
        "audio: calibrate and score share sung/b (the same as sung/a); remove them from one of the two",
        "student: {data: {calibration_clips: train}}\naudio: {calibrate: [sung/a], score: [sung/b]}\n",
        *(recording(rate_hz=16_000, subtype="PCM_16", name=f"{name}") for name in ("a.flac", "b.flac")),
    ),
    Case(
        "a scoring clip that the student was trained on",
        "run r.yaml --out built",
        "r.yaml: audio.score: the student was trained on sung/a; score other clips",
        each(
            recording(rate_hz=16_000),
            text("r.yaml", RECIPE + "checkpoint: own.safetensors\naudio: {score: [sung/a]}\n"),
            stored_student(trained_on=(sha256_of(WAVE.astype(np.float32).tobytes()),)),
        ),
    ),
    training(
        "no frame with enough confidence",
        "student.data: no frame of any clip has a confidence of 1 or more; use more or louder clips, or a lower "
        "student.least_confidence",
        f"student: {{{SECONDS}, least_confidence: 1}}\n",
    ),
    training(
        "a learning rate of a million",
        "r.yaml: epoch 1, step 2: the gradient is not finite; nothing is finished; use a smaller student.learning_rate",
        f"student: {{{SECONDS}, learning_rate: 1e6}}\n",
    ),
    training(
        "a full disk",
        "built/training.pt: No space left on device; nothing more was written",
        f"student: {{{SECONDS}}}\n",
    ),
    training(
        "first weights that are no student's",
        "r.yaml: student.initial: mir-1k_g7 is no student; use a shipped one or a .safetensors file",
        "student: {initial: mir-1k_g7}\n",
    ),
    training(
        "first weights of another architecture",
        "r.yaml: student.initial: own.safetensors has another architecture; set student.architecture to that of "
        "its card",
        "student: {initial: own.safetensors}\n",
        stored_student(),
    ),
    training(
        "int8 layers that a student does not have",
        "r.yaml: student.quantization_aware.parts: encoder.prefilter matches no layer of the student; remove it",
        "student: {quantization_aware: {epochs: 1, parts: {encoder.prefilter: int8-static}}}\n",
    ),
    training(
        "int8 layers for no epoch",
        "r.yaml: student.quantization_aware: learning_rate has no effect with epochs: 0; set the epochs, or remove it",
        "student: {quantization_aware: {learning_rate: 1e-3}}\n",
    ),
    training(
        "no epoch",
        "r.yaml: student: has no epochs; use epochs: 1 or more, or set quantization_aware.epochs",
        "student: {epochs: 0}\n",
    ),
    training(
        "the state of something else",
        "built/training.pt: not the state of a training; use another --out, or --restart",
        "",
        text("built/training.pt", "no state\n"),
    ),
)


def bundle(change: Callable[[dict[str, bytes]], object] = id, **keys: object) -> Make:
    """Writes a folder b like a bundle, with text as its program. The manifest gets `keys`; `change` is applied last."""
    listed = {
        name: {"bytes": 4, "sha256": sha256(b"none").hexdigest()}
        for name in ("program.pte", "golden/audio.wav", "golden/frames.csv")
    }
    manifest = json.dumps({"bundle_format": 1, "files": listed, **keys}).encode()
    checksums = {name: entry["sha256"] for name, entry in json.loads(manifest)["files"].items()}
    checksums["manifest.json"] = sha256(manifest).hexdigest()
    files = dict.fromkeys(listed, b"none")
    files |= {"manifest.json": manifest, "SHA256SUMS": checksums_text(checksums).encode()}
    change(files)
    return each(*(text(f"b/{name}", content) for name, content in files.items()))


def no_bundle(what: str, message: str, make: Make = nothing, name: str = "b.zip") -> Case:
    return Case(what, f"verify {name}", f"{name}: not a bundle: {message}", make)


def bad_file(what: str, line: str, change: Callable[[dict[str, bytes]], object]) -> Case:
    return Case(what, "verify b", f"FAILED  {line}", bundle(change), 1)


def zip_of(name: str, content: bytes = b"x", mode: int = 0) -> Make:
    """Writes b.zip with one file of this type and permissions."""

    def make() -> None:
        entry = zipfile.ZipInfo(name)
        entry.external_attr = mode << 16
        with zipfile.ZipFile("b.zip", "w") as archive:
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)

    return make


def zip_of_zeros() -> None:
    """Writes a few kB whose zip directory states 2 GB: reading the directory must be enough to refuse it."""
    zip_of("program.pte", bytes(100_000))()
    content = Path("b.zip").read_bytes()
    Path("b.zip").write_bytes(content.replace(struct.pack("<I", 100_000), struct.pack("<I", 2_000_000_000)))


OUTSIDE = "which could lie outside; do not use it"
NOT_ZIP = "a zip that cannot be read (File is not a zip file)"
BUNDLES = (
    no_bundle("no such file", "there is no such folder or file"),
    no_bundle("an empty folder", "no manifest.json; `workbench bundle` makes bundles", folder("b"), "b"),
    no_bundle("text with the suffix zip", NOT_ZIP, text("b.zip", "text")),
    no_bundle("a zip cut off", NOT_ZIP, half("b.zip", zip_of("a"))),
    no_bundle("a zip with a path that leads out", f"names a file '../../it-ran', {OUTSIDE}", zip_of("../../it-ran")),
    no_bundle("a zip with an absolute path", f"names a file '/tmp/it-ran', {OUTSIDE}", zip_of("/tmp/it-ran")),
    no_bundle(
        "a zip with a link",
        "program.pte is a link or a device, not a file; do not use it",
        zip_of("program.pte", b"/etc/passwd", stat.S_IFLNK | 0o777),
    ),
    no_bundle(
        "a zip that unpacks to 2 GB",
        "a zip of 2000000000 bytes unpacked, more than the 1073741824 a bundle can have",
        zip_of_zeros,
    ),
    no_bundle(
        "a manifest that points outside",
        f"names a file '../outside', {OUTSIDE}",
        bundle(files={"../outside": {"bytes": 0, "sha256": ""}}),
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
    bad_file(
        "a wrong hash",
        "program.pte        was changed: its sha256 is 187897ce0afc…, the manifest's 140bedbf9c3f…",
        lambda files: files.update({"program.pte": b"more"}),
    ),
    bad_file("a missing file", "golden/audio.wav   is missing", lambda files: files.pop("golden/audio.wav")),
    bad_file(
        "a manifest that was changed",
        "manifest.json      does not match SHA256SUMS: one of the two was changed",
        lambda files: files.update({"manifest.json": files["manifest.json"] + b" "}),
    ),
)


def program_of_another_recipe() -> None:
    """Writes a program with the notes of a stored result, for a file of another backend."""
    program = stored(program__path="program.onnx", program__sha256=sha256(b"").hexdigest()).program
    assert program is not None
    text("program.onnx", "")()
    text("program.json", json.dumps({"fingerprint": "", "program": program.model_dump(mode="json")}))()


def in_the_way(what: str, command: str, result: str) -> Case:
    """Returns the case of a folder that has a result, which must not be replaced."""
    message = f"{result}: has a result, whose program would be replaced; choose another --out"
    return Case(what, f"{command} {LEAST} --out out", message, text(f"{result}/result.json", "a result"))


def known_f0(what: str, out: str, audio: str) -> Case:
    """Returns the case of an --out that is the pitch track beside a recording."""
    path = Path(out).as_posix()
    message = f"{path}: would replace the known f0 of {audio}; choose another --out"
    make = each(text(audio, ""), text(path, "seconds,hertz\n0.00,220\n0.01,0\n"))
    return Case(what, f"track take.wav --program p.pte --out {out}", message, make)


def no_result(what: str, content: str) -> Case:
    """Returns the case of a run whose only record has this content."""
    message = "run/v/result.json: not a result of schema version 1; run the recipe again"
    return Case(what, "compare run run", message, text("run/v/result.json", content))


def cache_in(path: str, make: Make = nothing) -> Make:
    """Makes something, and sets WORKBENCH_CACHE to this path of the project."""
    return each(make, lambda: os.environ.__setitem__(CACHE_VARIABLE, str(Path(path).absolute())))


CACHE = (
    Case(
        "WORKBENCH_CACHE names a file",
        "audio",
        "WORKBENCH_CACHE: {here}/a is not a folder; set it to a folder of your own, or unset it",
        cache_in("a", text("a", "")),
    ),
    Case(
        "WORKBENCH_CACHE names a folder that every user can write to",
        "audio",
        "WORKBENCH_CACHE: {here}/a can be written by every user; set it to a folder of your own, or unset it",
        cache_in("a", each(folder("a"), lambda: Path("a").chmod(0o777))),
    ),
    Case(
        "WORKBENCH_CACHE names a folder that cannot be created",
        "audio",
        "WORKBENCH_CACHE: {here}/a/b cannot be created (Not a directory); set it to a folder of your own, or unset it",
        cache_in("a/b", text("a", "")),
    ),
)

RECORDS = (
    Case("a missing folder", "compare run run", "run: no such file or folder; `workbench runs` lists the runs"),
    Case(
        "a run without a record",
        "compare run run",
        "run: has no result.json; `workbench run` writes one for each variant",
        folder("run"),
    ),
    no_result("an empty record", ""),
    no_result("half a record", '{"schema_version": 1, "created": "20'),
    no_result("a record of another version", '{"schema_version": 2}'),
    no_result("a record nested 100,000 deep", "[" * 100_000),
    Case(
        "one array for the frames of a run",
        f"score {LEAST} --frames sine.npz",
        "sine.npz: not a file of frames from a run; use a .npz from its frames/ folder, or a .csv",
        lambda: (np.save("sine.npy", np.ones(15)), Path("sine.npy").rename("sine.npz")),
    ),
    Case(
        "a program of another recipe",
        f"score {LEAST} --frames sine.csv --program program.onnx",
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
    in_the_way("--out that has the result of a run", "build", "out/least"),
    in_the_way("--out that is the folder of a variant", "profile", "out"),
    in_the_way("the same for a soak", "soak", "out"),
    Case(
        "a soak in the native host without a compiler",
        f"soak {LEAST} --native",
        "CXX=no-such-compiler: there is no such compiler; correct or unset the variable CXX",
        lambda: os.environ.__setitem__("CXX", "no-such-compiler"),
    ),
    Case(
        "a soak of an ONNX program in the native host",
        "soak r.yaml --native",
        "r.yaml: lowering.backend: the native host runs .pte programs only, got onnx; drop --native",
        text("r.yaml", RECIPE + "state: explicit\nlowering: {backend: onnx}\n"),
    ),
    Case(
        "a profile of a program that is not ExecuTorch's",
        "profile r.yaml",
        "r.yaml: lowering.backend: expected a backend of ExecuTorch for a profile (xnnpack, portable, coreml, vulkan, "
        "openvino, arm, qualcomm), got onnx",
        text("r.yaml", RECIPE + "state: explicit\nlowering: {backend: onnx}\n"),
    ),
    Case("a missing search space", "search s.yaml", "s.yaml: there is no file 's.yaml'"),
    Case(
        "an empty search space",
        "search s.yaml",
        "s.yaml: is empty; a search space is a mapping of keys to values",
        text("s.yaml", ""),
    ),
    Case(
        "a search space whose choices contradict each other",
        "search s.yaml",
        "s.yaml: its choices contradict each other: frontend_tolerance: requires frontend: low-rank or "
        "three-stage, got grouped; change it, or remove frontend_tolerance",
        text("s.yaml", SPACE.replace("keys: {", "keys: {frontend: [upstream, grouped], ")),
    ),
    Case(
        "a search for the fastest program that the native host cannot run",
        "search s.yaml --out o",
        "s.yaml: base: r: lowering.backend: expected a backend of ExecuTorch to time trials in the native host, got "
        "onnx",
        each(
            text("s.yaml", SPACE.replace("int8-mixed", "r.yaml") + "objective: fastest\n"),
            text("r.yaml", RECIPE + "frontend: low-rank\nstate: explicit\nlowering: {backend: onnx}\n"),
        ),
    ),
    Case(
        "a search space without choices",
        "search s.yaml",
        "s.yaml: has nothing to choose; add keys or layers with several choices",
        text("s.yaml", "base: int8-mixed\nconstraints: {program.bytes: <= 1 MB}\n"),
    ),
    Case(
        "a search space with an unknown key",
        "search s.yaml",
        "s.yaml: keys: 'frontend_tolerence' is not a key that can be searched (did you mean 'frontend_tolerance'?)",
        text("s.yaml", SPACE.replace("frontend_tolerance", "frontend_tolerence")),
    ),
    Case(
        "a search space with a metric that is not computed",
        "search s.yaml",
        "s.yaml: constraints: latency.algorithmic_ms is not measured in a search; it measures deviation, program, "
        "speed, truth, contour, floor, delay, steadiness",
        text("s.yaml", SPACE.replace("program.bytes: <= 1 MB", "latency.algorithmic_ms: <= 1")),
    ),
    Case(
        "a search space with an unknown layer",
        "search s.yaml --out o",
        "s.yaml: layers.encoder.fist: matches no layer of int8-mixed (did you mean 'encoder.first'?)",
        text("s.yaml", SPACE + "layers: {encoder.fist: [none, int8-dynamic]}\n"),
    ),
    Case(
        "jobs of a cluster",
        f"run {LEAST} --out o --jobs 2 --scheduler tcp://127.0.0.1:9",
        "--jobs 2: the cluster of --scheduler has its own number of workers; remove one",
    ),
    Case(
        "storage of a search that is none",
        "search s.yaml --out o --storage nowhere",
        "--storage nowhere: cannot be used (Could not parse SQLAlchemy URL from given URL string); check its address "
        "and its free space",
        text("s.yaml", SPACE),
    ),
    Case(
        "storage of a search that cannot be reached",
        "search s.yaml --out o --storage postgresql://me:secret@127.0.0.1:9/x",
        "--storage postgresql://me@127.0.0.1:9/x: cannot be used (connection failed: connection to server at "
        '"127.0.0.1", port 9 failed: Connection refused); check its address and its free space',
        text("s.yaml", SPACE),
    ),
    Case(
        "storage of a search with another space of this name",
        "search s.yaml --out o --storage sqlite:///study.db",
        "sqlite:///study.db: has the study s of another space; choose another --storage or --out, or rename the file "
        "of the space",
        each(text("s.yaml", SPACE), study_of_another_space),
    ),
    Case(
        "a sensitivity of a program that is not XNNPACK's",
        "sensitivity r.yaml",
        "r.yaml: lowering.backend: expected xnnpack for a sensitivity, got portable",
        text("r.yaml", RECIPE + "lowering: {backend: portable}\n"),
    ),
    Case(
        "a profile of a program without its front end",
        "profile r.yaml",
        "r.yaml: lowering.scope: expected whole for a profile, got network",
        text("r.yaml", RECIPE + "state: none\nlowering: {scope: network}\n"),
    ),
    known_f0("--out that is the known f0 of the audio", "./take.csv", "take.wav"),
    known_f0("--out that is the known f0 of other audio", "takes/b.csv", "takes/b.FLAC"),
    Case(
        "--out that would be the known f0 of a recording",
        "track calib_audio/sung/a.wav --program p.pte --out calib_audio/sung/a.csv",
        "calib_audio/sung/a.csv: runs would read this file as the known f0 of calib_audio/sung/a.wav; choose another "
        "--out",
        recording(),
    ),
    Case(
        "--out is a file",
        f"build {LEAST} --out out",
        "out/least: Not a directory; nothing more was written",
        text("out", "a file"),
    ),
)

PORT = 48_377
_sockets: list[socket.socket] = []


def use_port() -> None:
    """Binds the port for the rest of the tests, unless another program uses it already."""
    _sockets.append(socket.socket())
    with contextlib.suppress(OSError):
        _sockets[-1].bind(("127.0.0.1", PORT))
        _sockets[-1].listen()


LIVE = (
    Case(
        "a port that is used",
        f"live x.pte --port {PORT}",
        f"--port {PORT}: cannot be used (Address already in use); name another, or 0 for any free port",
        use_port,
    ),
    Case(
        "an address of another machine",
        "live x.pte --host 192.0.2.1",
        "--host 192.0.2.1: is not an address of this machine; name one that is",
    ),
    Case(
        "no program, and no run that passes",
        "live --port 0",
        "outputs/: no run has a program that passes; name a program or a recipe, such as int8-mixed",
    ),
    Case("a program that is not there", "live x.pte", "x.pte: no such program; `workbench build RECIPE` makes one"),
    Case(
        "seven programs",
        "live 1.pte 2.pte 3.pte 4.pte 5.pte 6.pte 7.pte --port 0",
        "7 programs; live shows at most 6, name fewer",
        each(*(text(f"{number}.pte", "") for number in range(1, 8))),
    ),
    Case(
        "a file to play, and a page",
        "live x.pte --play take.wav",
        "--play and --device choose the input of --terminal; add --terminal, or drop them",
    ),
    Case(
        "no file to play",
        "live x.pte --terminal --play take.wav",
        "take.wav: no such audio file; check the path",
    ),
)

RIVALS = (
    Case(
        "a tracker that does not exist",
        "rivals --rival swift",
        "swift: no such rival (did you mean 'swift-f0'?); use one of swift-f0, torchcrepe-tiny, torchcrepe-full, penn, "
        "praat, pyin, yin",
    ),
    Case(
        "no package of a tracker",
        "rivals --rival penn",
        "rivals: penn: not installed; pip install 'pesto-workbench[rivals]'",
    ),
    Case(
        "audio without a known f0",
        "rivals calib_audio/sung/a.wav",
        "calib_audio/sung/a.wav: has no known f0; put it beside the audio as NAME.csv, or let `workbench "
        "annotate` write one",
        recording(),
    ),
    Case(
        "a folder without a known f0",
        "rivals calib_audio/sung",
        "calib_audio/sung: no clip in it has a known f0; put it beside the audio as NAME.csv, or let `workbench "
        "annotate` write one",
        recording(),
    ),
    Case(
        "an empty folder",
        "rivals takes",
        "takes: has no audio; put wav, flac, ogg or mp3 files into the folder",
        folder("takes"),
    ),
    Case("no audio of that name", "rivals take.wav", "take.wav: no such audio file; check the path"),
)

TABLES = {
    "Recipes": RECIPES,
    "Audio": AUDIO,
    "Programs": PROGRAMS,
    "Checkpoints": CHECKPOINTS,
    "Students": STUDENTS,
    "Bundles": BUNDLES,
    "Results and output folders": RECORDS,
    "The cache": CACHE,
    "Live": LIVE,
    "Other trackers": RIVALS,
}
