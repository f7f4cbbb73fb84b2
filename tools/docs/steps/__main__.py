"""Measures what each step is worth, and stores it in docs/records/steps.json.

    python -m tools.docs.steps FOLDER              builds, scores and times what the record lacks
    python -m tools.docs.steps FOLDER --no-times   does not time; the machine may be busy
    python -m tools.docs.steps FOLDER --times      only times, all programs of the record; about a minute

FOLDER receives the programs. Ten minutes; a call that is stopped goes on where it was. Then
`python -m tools.docs.regenerate` writes the tables.
"""

import argparse
from pathlib import Path

import numpy as np

from tools.docs.steps.measure import Measurement
from tools.docs.steps.record import RECORD, Step, Steps, read
from tools.docs.steps.studies import PlannedStep, planned_steps
from tools.docs.steps.timing import PLAN, THREADS, time_step
from workbench.export.program_file import PTE_NAME
from workbench.measure.operators.recording import Hosts
from workbench.record_model import now_utc
from workbench.records.environment import environment
from workbench.runtime.isolation import IsolatedProcess
from workbench.runtime.native.build import PROFILER, native_host
from workbench.runtime.session import Floats
from workbench.storage.cache_folder import cache_folder
from workbench.storage.hashing import sha256_of
from workbench.storage.json_files import write_json
from workbench.workflows.folders import open_catalog, program_store


def measure_missing(planned: list[PlannedStep], folder: Path, hosts: Hosts) -> None:
    """Measures the steps that the record lacks, or that changed since, and stores each at once."""
    stored = read()
    kept = {step.recipe: step for step in stored.steps} if stored else {}
    steps: dict[str, Step] = {}
    with IsolatedProcess() as child:
        measurement = Measurement(open_catalog(), folder, program_store(), hosts, child)
        for number, plan in enumerate(planned, 1):
            variant = measurement.prepare(plan)
            found = kept.get(variant.name)
            path = measurement.program(variant.name)
            if found is None or found.fingerprint != variant.fingerprint or not _is_intact(path, found):
                found = measurement.measure(plan, variant)
                print(f"{number} of {len(planned)}: {found.recipe}: {found.bytes:,} bytes", flush=True)
            steps[found.recipe] = found
            later = [kept[other.recipe.name] for other in planned[number:] if other.recipe.name in kept]
            _store([*steps.values(), *later], stored.timed if stored else "")


def time_all(folder: Path, host: Path, planned: list[PlannedStep]) -> None:
    """Times every step of the record with the program that it starts from."""
    stored = read()
    assert stored is not None
    samples = _samples()
    bases = {plan.recipe.name: plan.base for plan in planned}
    timed = []
    for step in stored.steps:
        base, path = (folder / name / PTE_NAME for name in (bases[step.recipe], step.recipe))
        native = time_step(host, base, path, samples)
        print(f"{step.recipe}: {native.p50_us:.0f} µs, {native.times_faster.text()} times as fast", flush=True)
        timed.append(step.replace(native=native, null_reasons={}))
    _store(timed, now_utc())


def _samples() -> Floats:
    """Returns (n,) float32: the scored synthetic clips of 48 kHz, one after the other."""
    catalog = open_catalog()
    catalog.render()
    return np.concatenate([catalog.read(name, 48_000).samples for name in catalog.match(["synthetic/score/*"])])


def _is_intact(path: Path, step: Step) -> bool:
    return path.is_file() and sha256_of(path) == step.sha256


def _store(steps: list[Step], timed: str) -> None:
    record = Steps(
        created=now_utc(),
        environment=environment(THREADS).replace(libraries={}),
        timed=timed,
        rounds=PLAN.rounds,
        calls_per_round=PLAN.chunks_per_round,
        steps=tuple(steps),
    )
    write_json(record, RECORD)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measures what each step is worth.")
    parser.add_argument("folder", type=Path, help="receives the programs")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--times", action="store_true", help="only time the programs of the record")
    only.add_argument("--no-times", action="store_true", help="do not time")
    arguments = parser.parse_args()
    cache = cache_folder("hosts")
    host, planned = native_host(cache), planned_steps(open_catalog())
    if not arguments.times:
        measure_missing(planned, arguments.folder, Hosts(host, native_host(cache, PROFILER)))
    if not arguments.no_times:
        time_all(arguments.folder, host, planned)


if __name__ == "__main__":
    main()
