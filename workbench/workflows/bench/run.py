"""The timing of a bench: each contender in a separate process first, then all of them together in one."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from workbench.audio.decode import Clip
from workbench.errors import NativeHostError, ProgramError, WorkbenchError
from workbench.measure.bench.figures import ContenderRun, NativeRun, figures
from workbench.measure.bench.worker import BenchWorker, ColdRun, Contender, ContenderTimes, background_load, cold_run
from workbench.measure.native_speed import NativeSide
from workbench.measure.speed import TimingPlan
from workbench.measure.timing import ORDER_SEED
from workbench.progress import Progress
from workbench.record_model import now_utc
from workbench.records.bench import Bench, NotRun, Run, onnxruntime_version
from workbench.records.environment import environment
from workbench.runtime.isolation import IsolatedProcess
from workbench.runtime.session import Floats
from workbench.workflows.bench.build import BuiltContenders
from workbench.workflows.bench.contenders import BenchSetup
from workbench.workflows.variant.native import ONLY_PTE, find_native_host, start_natively

_MAX_AUDIO_S = 20.0
_PACED_CALLS = 250
_COLD_RUN_LIMIT_S = 3600.0  # a contender that hangs does not hold up the others
_WARMUP_CHUNKS = 50


def excerpt(clips: Sequence[Clip], seconds: float = _MAX_AUDIO_S) -> Floats:
    """Returns (n,) samples: an equal share from the middle of each clip, at most `seconds` in total."""
    share = seconds / len(clips)
    parts = []
    for clip in clips:
        samples = round(min(share, clip.duration_s) * len(clip.samples) / clip.duration_s)
        begin = (len(clip.samples) - samples) // 2
        parts.append(clip.samples[begin : begin + samples])
    return np.concatenate(parts)


def timing_plans(threads: Sequence[int], rounds: int, chunks_per_round: int) -> list[TimingPlan]:
    """Returns the plan for each number of threads."""
    return [TimingPlan(count, rounds, chunks_per_round, _WARMUP_CHUNKS) for count in threads]


def run_bench(
    setup: BenchSetup, built: BuiltContenders, plans: Sequence[TimingPlan], progress: Progress, native: bool = True
) -> Bench:
    """Times all contenders, once for each plan.

    Args:
        setup: The clips and the voiced confidence are those of its reference export.
        built: Contenders whose files exist.
        plans: One for each number of threads.
        progress: Receives the stages.
        native: Times `.pte` programs in the native host too, if one can be built.

    Raises:
        ProgramError: Eager does not run.
        ChangedError: A file, a checkpoint or the source changed during the bench.
    """
    clips, threshold = setup.reference.scored_clips, setup.reference.recipe.scoring.voiced_confidence
    samples, baseline = excerpt(clips), setup.baseline
    onnxruntime, null_reasons = onnxruntime_version()
    host = find_native_host(progress) if native else NativeHostError("left out by --no-native")
    runs = tuple(_run(built, samples, threshold, plan, host, progress) for plan in plans)
    built.check_unchanged()
    return Bench(
        created=now_utc(),
        environment=environment(max(plan.threads for plan in plans)),
        onnxruntime=onnxruntime,
        checkpoint=baseline.checkpoint,
        reduction=baseline.reduction,
        sample_rate_hz=baseline.stream.sample_rate_hz,
        chunk_samples=baseline.stream.chunk_samples,
        frames_per_chunk=baseline.stream.frames_per_chunk,
        streams=baseline.stream.streams,
        mirror=baseline.stream.mirror,
        algorithmic_ms=setup.reference.model.algorithmic_ms,
        clips=tuple(clip.name for clip in clips),
        audio_s=len(samples) / baseline.stream.sample_rate_hz,
        runs=runs,
        null_reasons=null_reasons,
    )


def _run(
    built: BuiltContenders,
    samples: Floats,
    threshold: float,
    plan: TimingPlan,
    host: Path | NativeHostError,
    progress: Progress,
) -> Run:
    threads_progress = progress.child(f"{plan.threads} thread" if plan.threads == 1 else f"{plan.threads} threads")
    cold_runs: dict[str, ColdRun] = {}
    natives: dict[str, NativeSide | WorkbenchError] = {}
    not_run = dict(built.not_run)
    with threads_progress.stage("one by one", len(built.contenders)) as advance:
        for contender in built.contenders:
            try:
                with IsolatedProcess(_COLD_RUN_LIMIT_S) as child:
                    cold_runs[contender.name] = child.call(cold_run, contender, samples, plan.threads)
                natives[contender.name] = _native_side(contender, host, plan.threads)
            except ProgramError as error:
                if contender.kind == "eager":
                    raise
                not_run[contender.name] = str(error)
            advance(1)
    running = tuple(contender for contender in built.contenders if contender.name in cold_runs)
    with IsolatedProcess() as child:
        with threads_progress.stage("in turns"):
            worker = child.start(BenchWorker, running, samples, plan.threads)
            hosts = {name: side.host for name, side in natives.items() if isinstance(side, NativeSide)}
            try:
                times = worker.call(BenchWorker.alternating, plan, hosts)
            except NativeHostError as error:  # says nothing about the programs, which are timed without the host
                natives |= dict.fromkeys(hosts, error)
                times = worker.call(BenchWorker.alternating, plan, {})
        with threads_progress.stage("under load"), background_load():
            response_ms = worker.call(BenchWorker.response_ms, _PACED_CALLS)
    runs = [
        ContenderRun(
            contender=one,
            cold_run=cold_runs[one.name],
            alternating_ms=times[one.name].session_ms,
            response_ms=response_ms[one.name],
            native=_native_run(natives[one.name], times[one.name]),
        )
        for one in running
    ]
    return Run(
        threads=plan.threads,
        rounds=plan.rounds,
        chunks_per_round=plan.chunks_per_round,
        warmup_chunks=plan.warmup_chunks,
        seed=ORDER_SEED,
        contenders=figures(runs, threshold),
        not_run=tuple(NotRun(name=name, reason=reason) for name, reason in not_run.items()),
    )


def _native_side(contender: Contender, host: Path | NativeHostError, threads: int) -> NativeSide | WorkbenchError:
    if contender.kind != "pte":
        return ONLY_PTE
    return start_natively(host, contender.file, threads) if isinstance(host, Path) else host


def _native_run(side: NativeSide | WorkbenchError, times: ContenderTimes) -> NativeRun | WorkbenchError:
    if isinstance(side, WorkbenchError):
        return side
    assert times.native is not None
    return NativeRun(side.start, times.native)
