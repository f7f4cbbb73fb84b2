"""Mixed runs in a loop, two at a time in one folder: by hand, for what grows or is left behind only over many runs.

    python tests/mixed_soak.py --minutes 45 [--workers 2] [--seed 0] [--out mixed-soak.json]

Each worker is one process that does one command after another, drawn at random, as a server would: runs that pass, fail
and cannot decide, of float, int8, several sizes and explicit state, some anew; builds, tracks, reports, comparisons,
bundles and their verification; and mistakes. All of them share calib_audio/, outputs/ and its store of programs. After
each command the answer is checked against what has to come, and the worker's memory is taken; at the end,
- every record in outputs/ is whole and its program is the one it names;
- no hidden file, temporary file or process is left, but for the store of programs, within its bound;
- memory is flat: what a worker holds in the last third of its commands is, in the median, what it held in the second.
Wants a machine of its own. Exit code 1 where something is wrong.
"""

import argparse
import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path
from statistics import median
from typing import Any

from kill_and_resume import MANIFEST, MARK, RECIPE, TORCHS_OWN, marked
from reliability import run_here

SCORING = {"scoring": {"min_voiced_frames": 20, "voiced_confidence": 0.1}}
COARSE = {"gates": {"deviation.pitch.p95_cents": "<= 100"}}  # for int8 of parts that take it badly
FLAT = 1.1  # of the median resident bytes: what the allocators of torch and Python move by themselves
RECIPES: dict[str, dict[str, Any]] = {
    "float": {},
    "explicit": {"state": "explicit"},
    "sizes": {"frames_per_chunk": {"min": 1, "max": 2}},
    "int8": {"quantization": {"parts": {"encoder.prefilter": "int8-dynamic"}}, **COARSE},
    "static": {"quantization": {"parts": {"encoder.narrow": "int8-static"}}, **COARSE},
    "fails": {"gates": {"program.bytes": "<= 1000"}},
    "undecided": {"scoring": {"min_voiced_frames": 9000}},
    "unfair": {"protocol": "variant-reset-per-chunk"},
}
# what each command has to end with; a busy machine may make a pass inconclusive
COMMANDS: dict[str, tuple[str, tuple[int, ...]]] = {
    "run float": ("run float.yaml --out outputs/{own}", (0, 3)),
    "run explicit": ("run explicit.yaml --out outputs/{own}", (0, 3)),
    "run sizes": ("run sizes.yaml --out outputs/{own}", (0, 3)),
    "run int8": ("run int8.yaml --out outputs/{own}", (0, 3)),
    "run static anew": ("run static.yaml --out outputs/{own} --fresh", (0, 3)),
    "run fails": ("run fails.yaml --out outputs/{own}", (1,)),
    "run undecided": ("run undecided.yaml --out outputs/{own}", (3,)),
    "run unfair": ("run unfair.yaml --out outputs/{own}", (1,)),
    "run the same": ("run float.yaml --out outputs/shared", (0, 2, 3)),  # 2: the other worker is at it
    "run to a dated folder": ("run float.yaml --audio take.wav", (0, 3)),
    "build anew": ("build float.yaml --out outputs/{own}-built --fresh", (0,)),
    "track": ("track take.wav --program float.pte", (0,)),
    "report": ("report outputs/first --out outputs/{own}.html", (0, 2)),
    "compare": ("compare outputs/first outputs/first", (0, 3)),
    "bundle": ("bundle outputs/first/float --force --overwrite --out {own}.zip", (0,)),
    "verify": ("verify first.zip", (0,)),
    "runs": ("runs", (0,)),
    "no recipe": ("run none.yaml --out outputs/{own}", (2,)),
    "no audio": ("run float.yaml --audio none --out outputs/{own}", (2,)),
    "no program": ("track take.wav --program r.json", (2,)),
}


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def work(own: str, until: float, seed: int) -> None:
    """In a worker: commands until that time of the monotonic clock; a line of JSON on stdout for each."""
    from click.testing import CliRunner

    from workbench.cli import main

    draw = random.Random(seed)
    deck: list[str] = []
    while time.monotonic() < until:
        deck = deck or draw.sample(sorted(COMMANDS), len(COMMANDS))
        name = deck.pop()
        words, codes = COMMANDS[name]
        begin = time.monotonic()
        result = CliRunner().invoke(main, words.format(own=own).split())
        wrong = "" if result.exit_code in codes else f"ended with {result.exit_code}: {result.output[-300:]!r}"
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            wrong = f"raised {result.exception!r}"
        line = {"command": name, "took_s": time.monotonic() - begin, "resident_bytes": resident_bytes(), "wrong": wrong}
        print(json.dumps(line), flush=True)


def project(folder: Path) -> None:
    import numpy as np
    import soundfile

    (folder / "calib_audio").mkdir(parents=True)
    (folder / "calib_audio" / "manifest.yaml").write_text(MANIFEST)
    (folder / "tmp").mkdir()
    for name, keys in RECIPES.items():
        (folder / f"{name}.yaml").write_text(json.dumps({**RECIPE, **SCORING, **keys}))
    (folder / "r.json").write_text("no program")
    soundfile.write(folder / "take.wav", 0.2 * np.sign(np.sin(np.arange(32_000) / 12)), 16_000)


def command(folder: Path, words: str, environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "workbench", *words.split()], cwd=folder, env=environment, capture_output=True, text=True
    )
    if done.returncode not in (0, 3):
        raise SystemExit(f"{words}: {done.stderr}")


def left_behind(folder: Path) -> list[str]:
    """What should not be there when all commands are done."""
    from workbench.audit.programs import MOST_STORED_BYTES

    wrong = [
        f"temporary file: {path.name}" for path in (folder / "tmp").iterdir() if not path.name.startswith(TORCHS_OWN)
    ]
    store = folder / "outputs" / ".programs"
    wrong += [
        f"hidden file: {path.relative_to(folder)}" for path in folder.rglob(".*") if path != store and path.name != "."
    ]
    if sum(path.stat().st_size for path in store.rglob("*")) > MOST_STORED_BYTES:
        wrong.append("the store of programs is over its bound")
    return wrong


def torn_records(folder: Path) -> tuple[int, list[str]]:
    """How many records there are, and those that are not whole."""
    from workbench.audit.results import read_record

    wrong, paths = [], sorted((folder / "outputs").rglob("result.json"))
    for path in paths:
        record = read_record(path)
        if record.program is not None:
            content = (path.parent / record.program.path).read_bytes()
            if hashlib.sha256(content).hexdigest() != record.program.sha256:
                wrong.append(f"{path.relative_to(folder)}: another program than its record's")
    return len(paths), wrong


def soak(folder: Path, minutes: float, workers: int, seed: int) -> dict[str, Any]:
    """All of it; returns the figures."""
    project(folder)
    mark = hashlib.sha256(str(folder).encode()).hexdigest()[:32]
    environment = {**os.environ, MARK: mark, "TMPDIR": str(folder / "tmp"), "OMP_NUM_THREADS": "1"}
    for words in (
        "run float.yaml --out outputs/first",
        "bundle outputs/first/float --force --out first.zip",
    ):
        command(folder, words, environment)
    (folder / "float.pte").write_bytes((folder / "outputs/first/float/program.pte").read_bytes())
    until = time.monotonic() + 60 * minutes
    logs = [(folder / f"worker-{at}.jsonl").open("w+") for at in range(workers)]
    running = [
        subprocess.Popen(
            [sys.executable, __file__, "--work", f"w{at}", "--until", str(until), "--seed", str(seed + at)],
            cwd=folder,
            env={**environment, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=log,
            stderr=subprocess.DEVNULL,
        )
        for at, log in enumerate(logs)
    ]
    codes = [process.wait() for process in running]
    lines = []
    for log in logs:
        log.seek(0)
        lines.append([json.loads(line) for line in log])
        log.close()
    wrong = [f"worker {at} ended with {code}" for at, code in enumerate(codes) if code]
    wrong += [f"{line['command']}: {line['wrong']}" for worker in lines for line in worker if line["wrong"]]
    for _ in range(60):  # the trackers that Python starts end a moment after whom they were started by
        if not marked(mark):
            break
        time.sleep(1)
    wrong += [f"process left: {name}" for name in marked(mark)] + left_behind(folder)
    records, torn = torn_records(folder)
    memory = []
    for worker in lines:
        held = [line["resident_bytes"] for line in worker]
        third = max(1, len(held) // 3)
        thirds = [median(held[at * third : (at + 1) * third] or held) for at in range(3)]
        memory.append({"thirds_bytes": thirds, "most_bytes": max(held, default=0)})
        if len(held) >= 30 and thirds[2] > FLAT * thirds[1]:
            wrong.append(f"memory grew: {thirds[1] / 1e6:.0f} to {thirds[2] / 1e6:.0f} MB")
    took: dict[str, list[float]] = defaultdict(list)
    for worker in lines:
        for line in worker:
            took[line["command"]].append(line["took_s"])
    counts = Counter(line["command"] for worker in lines for line in worker)
    return {
        **run_here(),
        "minutes": minutes,
        "workers": workers,
        "commands": sum(counts.values()),
        "by_command": {name: {"count": counts[name], "median_s": median(took[name])} for name in sorted(counts)},
        "records": records,
        "memory": memory,
        "wrong": [*wrong, *torn],
    }


def show(figures: dict[str, Any]) -> None:
    print(f"{figures['commands']} commands in {figures['minutes']:g} minutes by {figures['workers']} workers")
    for name, row in figures["by_command"].items():
        print(f"  {name:24} {row['count']:5}   median {row['median_s']:6.1f} s")
    for at, row in enumerate(figures["memory"]):
        thirds = ", ".join(f"{size / 1e6:.0f}" for size in row["thirds_bytes"])
        print(f"worker {at}: median resident MB by thirds {thirds}; most {row['most_bytes'] / 1e6:.0f}")
    print(f"{figures['records']} records, all whole" if not figures["wrong"] else f"{figures['records']} records")
    for line in figures["wrong"]:
        print(f"WRONG  {line}")
    print("nothing left behind" if not figures["wrong"] else f"{len(figures['wrong'])} things wrong")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Mixed runs in a loop.")
    parser.add_argument("--minutes", type=float, default=45)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, metavar="FILE.json", help="where to put the figures as JSON as well")
    parser.add_argument("--work", metavar="NAME", help=argparse.SUPPRESS)
    parser.add_argument("--until", type=float, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.work:
        work(asked.work, asked.until, asked.seed)
        sys.exit(0)
    with tempfile.TemporaryDirectory(prefix="mixed-soak-") as made:
        figures = soak(Path(made), asked.minutes, asked.workers, asked.seed)
    show(figures)
    if asked.out:
        asked.out.write_text(json.dumps(figures, indent=2) + "\n")
    sys.exit(bool(figures["wrong"]))
