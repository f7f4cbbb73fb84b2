"""Runs mixed commands in a loop, two at a time in one folder, to find what grows or is left behind over many runs.

    python -m tools.reliability.mixed_commands --minutes 45 [--workers 2] [--seed 0] [--out mixed-soak.json]

Run it by hand, on an otherwise idle machine. Each worker is one process that runs one command after another, drawn at
random, as a server would: runs that pass, fail and are inconclusive, of float, int8, several call sizes and explicit
state, some without the cache; builds, tracks, reports, comparisons, bundles and their verification; and mistakes. All
workers share calib_audio/, outputs/ and the program cache. After each command its exit code and its output are checked,
and the memory of the worker is recorded. At the end:
- every result in outputs/ is complete, archived ones too, and its program is the one that it names;
- no hidden file, temporary file or process is left, except the program cache, within its size limit;
- memory is flat: the median of a worker's last third of commands is that of its second third.
Exits with 1 if anything is wrong.
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

from tools.docs.reliability import ends, memory_in_words, run_here
from tools.reliability.command_table import COMMANDS, RECIPES, SCORING, problem_of
from tools.reliability.small_project import MANIFEST, MARK, RECIPE, TORCH_CACHE_PREFIX, marked

LEAST_COMMANDS = 30  # of a worker, below which its memory is not judged
FLAT = 1.1  # ratio of medians; the allocators of torch and Python move this much by themselves


def work(own: str, until: float, seed: int) -> None:
    """Runs commands until a time of the monotonic clock. Prints a line of JSON for each."""
    from click.testing import CliRunner

    from workbench.cli import main
    from workbench.runtime.process_info import resident_bytes

    draw = random.Random(seed)
    deck: list[str] = []
    while time.monotonic() < until:
        deck = deck or draw.sample(sorted(COMMANDS), len(COMMANDS))
        name = deck.pop()
        begin = time.monotonic()
        result = CliRunner().invoke(main, COMMANDS[name][0].format(own=own).split())
        wrong = problem_of(name, result.exit_code, result.output)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            wrong = f"raised {result.exception!r}"
        line = {"command": name, "code": result.exit_code, "took_s": time.monotonic() - begin, "wrong": wrong}
        print(json.dumps({**line, "resident_bytes": resident_bytes()}), flush=True)


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
    """Returns the files that should not exist after all commands."""
    from workbench.export.program_cache import MOST_STORED_BYTES

    wrong = [
        f"temporary file: {path.name}"
        for path in (folder / "tmp").iterdir()
        if not path.name.startswith(TORCH_CACHE_PREFIX)
    ]
    store = folder / "cache" / "programs"
    wrong += [f"hidden file: {path.relative_to(folder)}" for path in folder.rglob(".*") if path.name != "."]
    if sum(path.stat().st_size for path in store.rglob("*")) > MOST_STORED_BYTES:
        wrong.append("the store of programs is over its bound")
    return wrong


def torn_records(folder: Path) -> tuple[int, list[str]]:
    """Returns the number of results, archived ones included, and those that are incomplete."""
    from workbench.errors import WorkbenchError
    from workbench.records.result import RESULT_NAME, read_result

    wrong, paths = [], sorted((folder / "outputs").rglob("result*.json"))
    for path in paths:
        try:
            program = read_result(path).program
            if program is not None and path.name == RESULT_NAME:  # an archived result has no program
                content = (path.parent / program.path).read_bytes()
                if hashlib.sha256(content).hexdigest() != program.sha256:
                    wrong.append(f"{path.relative_to(folder)}: not the program that the result names")
        except (WorkbenchError, OSError) as error:
            wrong.append(f"{path.relative_to(folder)}: {error}")
    return len(paths), wrong


def memory_of(held: list[int]) -> tuple[dict[str, Any], list[str]]:
    """Returns a summary of a worker's resident bytes after each command, and what is wrong with them.

    The slope is fitted over the last two thirds: the first third imports what the commands need.
    """
    import numpy as np

    most = max(held, default=0)
    if len(held) < LEAST_COMMANDS:
        row = {"thirds_bytes": [], "grew_bytes_per_command": None, "most_bytes": most}
        return row, [f"{len(held)} are too few commands to judge memory"]
    third = len(held) // 3
    first, second, last = (median(part) for part in (held[:third], held[third : 2 * third], held[2 * third :]))
    slope = float(np.polyfit(range(len(held) - third), held[third:], 1)[0])
    row = {"thirds_bytes": [first, second, last], "grew_bytes_per_command": slope, "most_bytes": most}
    return row, [f"memory grew: {second / 1e6:.0f} to {last / 1e6:.0f} MB"] if last > FLAT * second else []


def by_command(lines: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Returns the count, the exit codes and the median time of each command."""
    found = defaultdict(list)
    for line in lines:
        found[line["command"]].append(line)
    return {
        name: {
            "count": len(group),
            "codes": {str(code): count for code, count in sorted(Counter(line["code"] for line in group).items())},
            "median_s": median(line["took_s"] for line in group),
        }
        for name, group in sorted(found.items())
    }


def soak(folder: Path, minutes: float, workers: int, seed: int) -> dict[str, Any]:
    """Runs the workers and the checks. Returns the figures."""
    project(folder)
    mark = hashlib.sha256(str(folder).encode()).hexdigest()[:32]
    folders = {"TMPDIR": str(folder / "tmp"), "WORKBENCH_CACHE": str(folder / "cache")}
    environment = {**os.environ, **folders, MARK: mark, "OMP_NUM_THREADS": "1"}
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
            [
                sys.executable,
                "-m",
                "tools.reliability.mixed_commands",
                "--work",
                f"w{at}",
                "--until",
                str(until),
                "--seed",
                str(seed + at),
            ],
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
    for _ in range(60):  # Python's resource trackers end a moment after their parents
        if not marked(mark):
            break
        time.sleep(1)
    wrong += [f"process left: {name}" for name in marked(mark)] + left_behind(folder)
    records, torn = torn_records(folder)
    memory = []
    for at, worker in enumerate(lines):
        row, grown = memory_of([line["resident_bytes"] for line in worker])
        memory.append(row)
        wrong += [f"worker {at}: {line}" for line in grown]
    return {
        **run_here(),
        "minutes": minutes,
        "workers": workers,
        "commands": sum(map(len, lines)),
        "by_command": by_command([line for worker in lines for line in worker]),
        "records": records,
        "memory": memory,
        "wrong": [*wrong, *torn],
    }


def show(figures: dict[str, Any]) -> None:
    print(f"{figures['commands']} commands in {figures['minutes']:g} minutes by {figures['workers']} workers")
    for name, row in figures["by_command"].items():
        print(f"  {name:24} {row['count']:5}   median {row['median_s']:6.1f} s   ended with {ends(row['codes'])}")
    for at, row in enumerate(figures["memory"]):
        print(f"worker {at}: resident MB {memory_in_words(row)}")
    print(f"{figures['records']} results, all complete" if not figures["wrong"] else f"{figures['records']} records")
    for line in figures["wrong"]:
        print(f"WRONG  {line}")
    print("nothing left behind" if not figures["wrong"] else f"{len(figures['wrong'])} things wrong")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Runs mixed commands in a loop.")
    parser.add_argument("--minutes", type=float, default=45)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, metavar="FILE.json", help="also write the figures as JSON")
    parser.add_argument("--work", metavar="NAME", help=argparse.SUPPRESS)
    parser.add_argument("--until", type=float, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        work(arguments.work, arguments.until, arguments.seed)
        sys.exit(0)
    with tempfile.TemporaryDirectory(prefix="mixed-soak-") as made:
        figures = soak(Path(made), arguments.minutes, arguments.workers, arguments.seed)
    show(figures)
    if arguments.out:
        arguments.out.write_text(json.dumps(figures, indent=2) + "\n")
    sys.exit(bool(figures["wrong"]))
