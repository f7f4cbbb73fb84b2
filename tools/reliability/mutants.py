"""Changes one important line at a time and shows that a test fails for each. Run it by hand, it takes minutes.

    python -m tools.reliability.mutants [--only WORD]

A mutant changes the source in this checkout, runs the test files named beside it, and restores the source. Exits with
1 if a mutant survives, and with an error if a line is no longer there: then the mutant has to follow the code.
"""

import argparse
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Mutant:
    """One wrong line, and the test files in which a test has to fail for it."""

    what: str
    path: str
    line: str
    wrong: str
    tests: str


MUTANTS = (
    Mutant(
        "deviation: the sign is lost",
        "workbench/measure/deviation.py",
        "signed = cents_between(variant.pitch_semitones, baseline.pitch_semitones)[voiced]",
        "signed = cents_between(baseline.pitch_semitones, variant.pitch_semitones)[voiced]",
        "tests/measure/test_deviation.py",
    ),
    Mutant(
        "deviation: 50 cents are 500",
        "workbench/measure/deviation.py",
        "(cents > 50).mean()",
        "(cents > 500).mean()",
        "tests/measure/test_deviation.py",
    ),
    Mutant(
        "gate: a value at the limit fails",
        "workbench/recipe/gates.py",
        "return value <= self.limit if",
        "return value < self.limit if",
        "tests/audit/test_gates.py",
    ),
    Mutant(
        "verdict: a missed gate is inconclusive",
        "workbench/audit/verdict.py",
        '"fail" if failures else',
        '"inconclusive" if failures else',
        "tests/audit/test_verdict.py",
    ),
    Mutant(
        "session: reset is skipped",
        "workbench/runtime/executorch.py",
        "if self._reset is not None:",
        "if False:",
        "tests/runtime/test_session_contract.py",
    ),
    Mutant(
        "quantization: the scope leaks",
        "workbench/quantize/pt2e/annotate.py",
        "rule_for(self.rules.parts, layer_of(node, self.part)) == scheme",
        "True",
        "tests/quantize/pt2e/test_quantize.py",
    ),
    Mutant(
        "lock: it is not taken",
        "workbench/storage/locks.py",
        "return lock_descriptor(handle, blocking=wait)",
        "return True",
        "tests/storage/test_locks.py",
    ),
    Mutant(
        "staging: the result moves in first",
        "workbench/records/unfinished/staging.py",
        "if path.name != RESULT_NAME:",
        "if True:",
        "tests/records/unfinished/test_staging.py",
    ),
    Mutant(
        "speed: the ratio is upside down",
        "workbench/measure/speed.py",
        "np.median(reference_ms, axis=1) / np.median(ms, axis=1)",
        "np.median(ms, axis=1) / np.median(reference_ms, axis=1)",
        "tests/measure/test_speed.py",
    ),
    Mutant(
        "floor: the dither is four times as loud",
        "workbench/measure/floor.py",
        "* _LSB",
        "* _LSB * 4",
        "tests/measure/test_floor.py",
    ),
    Mutant(
        "ONNX: a frozen state is exported",
        "workbench/export/onnx.py",
        'if frozen and model.state != "frozen":',
        "if False:",
        "tests/export/test_onnx.py",
    ),
    Mutant(
        "session: a chunk of a wrong length is run",
        "workbench/runtime/session.py",
        "if not stream.accepts(array.shape[-1]):",
        "if False:",
        "tests/runtime/test_session.py tests/runtime/test_session_contract.py",
    ),
    Mutant(
        "fingerprint: the export package is left out",
        "workbench/workflows/variant/fingerprint.py",
        '    "export",\n',
        "",
        "tests/workflows/variant/test_fingerprint.py",
    ),
    Mutant(
        "storage: files are readable by everyone",
        "workbench/storage/atomic.py",
        "            partial.replace(path)",
        "            partial.chmod(0o644)\n            partial.replace(path)",
        "tests/storage/test_atomic.py",
    ),
    Mutant(
        "staging: the earlier files stay",
        "workbench/records/unfinished/staging.py",
        "if not is_only_retimed:",
        "if False:",
        "tests/records/unfinished/test_staging.py",
    ),
    Mutant(
        "session: the state is updated before the outputs are checked",
        "workbench/runtime/executorch.py",
        "frames = to_frames(returned, self.metadata.outputs, chunk, self.stream)",
        "self._host.update(returned)\n        frames = to_frames(returned, self.metadata.outputs, chunk, self.stream)",
        "tests/runtime/test_open_program.py",
    ),
    Mutant(
        "display: silence has a pitch",
        "workbench/export/metadata.py",
        "DISPLAY_THRESHOLD = 0.12",
        "DISPLAY_THRESHOLD = 0.05",
        "tests/workflows/test_track.py",
    ),
    Mutant(
        "accuracy: a frame at the threshold is unvoiced",
        "workbench/measure/truth/pitch_accuracy.py",
        "(confidence >= threshold)",
        "(confidence > threshold)",
        "tests/measure/test_truth.py",
    ),
    Mutant(
        "clock: native and Python times are mixed",
        "workbench/audit/clock.py",
        "if not lacking:",
        "if len(lacking) < len(results):",
        "tests/audit/choice/test_pick.py",
    ),
    Mutant(
        "timing: the first calls of a turn count",
        "workbench/measure/timing.py",
        "turn_ms[plan.untimed_per_turn :]",
        "turn_ms[: plan.chunks_per_round]",
        "tests/measure/test_timing.py",
    ),
    Mutant(
        "soak: memory may grow by a fifth",
        "workbench/audit/soak_verdict.py",
        "_MAX_GROWTH = 0.02",
        "_MAX_GROWTH = 0.2",
        "tests/audit/test_soak_verdict.py",
    ),
    Mutant(
        "profile: an added operator has no layer",
        "workbench/measure/operators/placement.py",
        "placed = _filled([",
        "placed = list([",
        "tests/measure/operators/test_placement.py",
    ),
    Mutant(
        "native host: the reset of one stream resets all",
        "workbench/runtime/native/source/pesto_program.hpp",
        "which_[index] = index == stream;",
        "which_[index] = true;",
        "tests/runtime/native/test_session.py",
    ),
)


def failed_test(mutant: Mutant) -> str | None:
    """Runs the tests of a mutant with its wrong line. Returns the first that fails, or None if all pass."""
    path = ROOT / mutant.path
    source = path.read_text()
    if source.count(mutant.line) != 1:
        raise SystemExit(f"{mutant.path}: expected {mutant.line!r} once, found it {source.count(mutant.line)} times")
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-m", "slow or not slow", *mutant.tests.split()]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    try:
        path.write_text(source.replace(mutant.line, mutant.wrong))
        ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    finally:
        path.write_text(source)
    failures = [line for line in ran.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return failures[0].split(" - ")[0] if failures else None


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Changes one line at a time; a test has to fail for each.")
    parser.add_argument("--only", default="", metavar="WORD", help="mutants that have this word in their description")
    only = parser.parse_args().only
    survived = 0
    for chosen in (mutant for mutant in MUTANTS if only in mutant.what):
        started_s = time.monotonic()
        found = failed_test(chosen)
        survived += found is None
        print(f"{chosen.what:46} {found or 'SURVIVED'} ({time.monotonic() - started_s:.0f} s)", flush=True)
    sys.exit(survived > 0)
