"""The commands that `mixed_commands` draws from, the recipes that they need, and what each command may print."""

import re
from typing import Any

SCORING = {"scoring": {"min_voiced_frames": 20, "voiced_confidence": 0.1}}
COARSE = {"gates": {"deviation.pitch.p95_cents": "<= 100"}}  # for parts whose accuracy suffers in int8
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
NEVER = re.compile(r"Traceback|internal error")
BUSY = "inconclusive: timing is inconclusive"
TAKEN = "error: float: outputs/shared/float: in use by another workbench process; wait for it"
NO_RECORD = "error: outputs/first: (has no result.json|no such file or folder); `workbench run"


def passes(name: str) -> dict[int, str]:
    """Returns the expected output by exit code of a good recipe. On a busy machine the timing may be inconclusive."""
    return {0: rf"^{name} +pass\b", 3: BUSY}


# for each command, the exit codes that it may end with, and a pattern that its output then has to match
COMMANDS: dict[str, tuple[str, dict[int, str]]] = {
    "run float": ("run float.yaml --out outputs/{own}", passes("float")),
    "run explicit": ("run explicit.yaml --out outputs/{own}", passes("explicit")),
    "run sizes": ("run sizes.yaml --out outputs/{own}", passes("sizes")),
    "run int8": ("run int8.yaml --out outputs/{own}", passes("int8")),
    "run static without the cache": ("run static.yaml --out outputs/{own} --fresh", passes("static")),
    "run fails": ("run fails.yaml --out outputs/{own}", {1: r"fail: program.bytes is \d+ \(limit <= 1000\)"}),
    "run undecided": ("run undecided.yaml --out outputs/{own}", {3: r"inconclusive: only \d+ voiced.*9000 required"}),
    "run unfair": ("run unfair.yaml --out outputs/{own}", {1: "fail: UNFAIR: .*different state protocols"}),
    "run the same": ("run float.yaml --out outputs/shared", {**passes("float"), 2: TAKEN}),  # by the other worker
    "run to a dated folder": ("run float.yaml --audio take.wav", passes("float")),
    "build without the cache": (
        "build float.yaml --out outputs/{own}-built --fresh",
        {0: r"[\d,]+ bytes, loads in \d+ ms$"},
    ),
    "track": ("track take.wav --program float.pte", {0: r"^time_ms,frequency_hz,confidence\n[\d.]+,"}),
    "report": ("report outputs/first --out outputs/{own}.html", {0: r"\.html  1 variant, [\d,]+ bytes", 2: NO_RECORD}),
    "compare": ("compare outputs/first outputs/first", {0: "^float: nothing changed$"}),
    "bundle": (
        "bundle outputs/first/float --force --overwrite --out {own}.zip",
        {0: r"\.zip: float, .* golden frames"},
    ),
    "verify": ("verify first.zip", {0: "^verified$"}),
    "runs": ("runs", {0: r"^first +\d{4}-\d\d-\d\d "}),
    "no recipe": ("run none.yaml --out outputs/{own}", {2: "^error: none.yaml: there is no file 'none.yaml'"}),
    "no audio": ("run float.yaml --audio none --out outputs/{own}", {2: "^error: none: no such file or folder; check"}),
    "no program": ("track take.wav --program r.json", {2: "^error: r.json: not a program that this runtime can load"}),
}


def problem_of(name: str, code: int, output: str) -> str:
    """Returns what is wrong with the exit code or the output of a command, or ""."""
    patterns = COMMANDS[name][1]
    if never := NEVER.search(output):
        return f"says {never[0]!r}: {output[-300:]!r}"
    if code not in patterns:
        return f"ended with {code}: {output[-300:]!r}"
    if not re.search(patterns[code], output, re.MULTILINE):
        return f"ended with {code} and does not say {patterns[code]!r}: {output[-300:]!r}"
    return ""
