"""Contenders timed side by side: made, tried one by one, then raced together."""

import functools
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from workbench.audio.decode import Clip
from workbench.errors import ChangedError, LoweringError, ProgramError
from workbench.export.backends import EXPORTERS, file_name_for
from workbench.export.metadata import metadata_of
from workbench.export.onnx import to_onnx
from workbench.export.program_file import format_of
from workbench.export.torchscript import trace_upstream
from workbench.measure.bench import ContenderRun, figures
from workbench.measure.bench_worker import BenchWorker, ColdRun, Contender, background_load, cold_run
from workbench.measure.speed import TimingPlan
from workbench.measure.timing import ORDER_SEED, BaselineSpec
from workbench.model.checkpoint import checkpoint_path
from workbench.model.streaming import StreamingPesto
from workbench.model.upstream import load_upstream
from workbench.progress import Progress
from workbench.recipe import Recipe
from workbench.record_model import now_utc
from workbench.records.bench import Bench, NotRun, Run, onnxruntime_version
from workbench.records.environment import environment
from workbench.runtime.isolation import IsolatedProcess
from workbench.runtime.session import Floats
from workbench.storage.atomic import write_atomic
from workbench.storage.locks import exclusive
from workbench.workflows.contenders import EAGER, ONNX, REFERENCE_EXPORT, TORCHSCRIPT, BenchSetup
from workbench.workflows.variant import build as building
from workbench.workflows.variant.prepare import PreparedVariant

_SECONDS = 20.0  # of audio, in equal shares from the middle of each clip
_PACED_CALLS = 250
_WARMUP_CHUNKS = 50
_RUNS_WITHIN_S = 3600.0  # a contender that hangs is not to hold up the others


@dataclass
class BuiltContenders:
    """Contenders that can be opened, eager first, those that could not be made, with the reason, and the jobs that they
    were made of."""

    contenders: list[Contender] = field(default_factory=list)
    not_run: dict[str, str] = field(default_factory=dict)
    jobs: Sequence[PreparedVariant] = ()


def build_contenders(
    entered: BenchSetup,
    folder: Path,
    progress: Progress,
    fresh: bool = False,
    store: Path | None = None,
) -> BuiltContenders:
    """Make every contender's file in a folder of its own below `folder`.

    Raises WorkbenchError as `building.check_free`.
    """
    baseline, checkpoint = entered.baseline, checkpoint_path(entered.baseline.checkpoint)
    sha256 = entered.jobs[REFERENCE_EXPORT].checkpoint_sha256
    eager = Contender(EAGER, "upstream, streaming", "eager", checkpoint, sha256, baseline)
    ready = BuiltContenders([eager], jobs=tuple(entered.jobs.values()))

    def add(name: str, what: str, file: Path, make_file: Callable[[], str]) -> None:
        try:
            ready.contenders.append(Contender(name, what, format_of(file.name), file, make_file(), baseline))
        except (LoweringError, ProgramError) as error:
            ready.not_run[name] = str(error)

    def in_child(function: Callable[..., bytes], path: Path, *arguments: object) -> str:
        with exclusive(path.parent), IsolatedProcess() as child:
            building.check_no_result_replaced(path.parent)
            write_atomic(path, content := child.call(function, *arguments))
        return hashlib.sha256(content).hexdigest()

    def build(name: str, job: PreparedVariant) -> str:
        with exclusive(folder / name):
            building.check_no_result_replaced(folder / name, job, fresh)
            return building.build_to_run(job, folder / name, progress.child(name), fresh, store).sha256

    path = folder / TORCHSCRIPT / file_name_for("torchscript")
    add(TORCHSCRIPT, "upstream, traced", path, functools.partial(in_child, _torchscript, path, baseline))
    no_onnx = EXPORTERS["onnx"].extra.missing_hint()
    if no_onnx:
        ready.not_run[ONNX] = no_onnx
    for name, label in ({} if no_onnx else entered.onnx).items():
        path = folder / label / file_name_for("onnx")
        what = f"ONNX Runtime, the graph of {name}, state in and out"
        add(label, what, path, functools.partial(in_child, _onnx, path, baseline, entered.jobs[name].recipe))
    for name, job in entered.jobs.items():
        file = folder / name / file_name_for(job.recipe.lowering.backend)
        add(name, job.recipe.description, file, functools.partial(build, name, job))
    for name, program in entered.programs.items():
        add(name, "program", program, functools.partial(_sha256, program))
    return ready


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _torchscript(baseline: BaselineSpec) -> bytes:
    upstream = load_upstream(baseline.checkpoint, baseline.stream, baseline.reduction, baseline.trust)
    told = metadata_of(StreamingPesto(upstream, baseline.stream))
    return trace_upstream(upstream, baseline.stream, told).content


def _onnx(baseline: BaselineSpec, recipe: Recipe) -> bytes:
    upstream = load_upstream(baseline.checkpoint, baseline.stream, baseline.reduction, baseline.trust)
    return to_onnx(StreamingPesto(upstream, baseline.stream, recipe.implementations, "explicit"))


def excerpt(clips: Sequence[Clip], seconds: float = _SECONDS) -> Floats:
    """(n,): as much from the middle of each clip, together at most `seconds`."""
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


def run(
    ready: BuiltContenders, clips: Sequence[Clip], threshold: float, plans: Sequence[TimingPlan], progress: Progress
) -> Bench:
    """Time all contenders with each plan's number of threads: alone in a process each, then together in one.

    Raises ProgramError where eager itself does not run, ChangedError where what was timed is not what was made: the
    folders are free while it is.
    """
    samples = excerpt(clips)
    baseline = ready.contenders[0].baseline
    onnxruntime, why = onnxruntime_version()
    runs = tuple(_run(ready, samples, threshold, plan, progress) for plan in plans)
    _check_unchanged(ready)
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
        clips=tuple(clip.name for clip in clips),
        audio_s=len(samples) / baseline.stream.sample_rate_hz,
        runs=runs,
        null_reasons=why,
    )


def _check_unchanged(ready: BuiltContenders) -> None:
    for job in ready.jobs:
        job.check_unchanged()
    for contender in ready.contenders:
        if _sha256(contender.file) != contender.sha256:
            raise ChangedError(f"{contender.file}: changed while it was used; run again")


def _run(ready: BuiltContenders, samples: Floats, threshold: float, plan: TimingPlan, progress: Progress) -> Run:
    title = f"{plan.threads} thread{'s' * (plan.threads > 1)}"
    cold_runs: dict[str, ColdRun] = {}
    not_run = dict(ready.not_run)
    for at, contender in enumerate(ready.contenders):
        progress.report(f"{title}: one by one", at, len(ready.contenders))
        try:
            with IsolatedProcess(_RUNS_WITHIN_S) as child:
                cold_runs[contender.name] = child.call(cold_run, contender, samples, plan.threads)
        except ProgramError as error:
            if contender.kind == "eager":
                raise
            not_run[contender.name] = str(error)
    running = tuple(contender for contender in ready.contenders if contender.name in cold_runs)
    progress.report(f"{title}: one by one", len(ready.contenders), len(ready.contenders))
    with IsolatedProcess() as child:
        progress.report(f"{title}: in turns", 0, 1)
        worker = child.start(BenchWorker, running, samples, plan.threads)
        alternating_ms = worker.call(BenchWorker.alternating_ms, plan)
        progress.report(f"{title}: in turns", 1, 1)
        progress.report(f"{title}: under load", 0, 1)
        with background_load():
            response_ms = worker.call(BenchWorker.response_ms, _PACED_CALLS)
        progress.report(f"{title}: under load", 1, 1)
    runs = [ContenderRun(one, cold_runs[one.name], alternating_ms[one.name], response_ms[one.name]) for one in running]
    return Run(
        threads=plan.threads,
        rounds=plan.rounds,
        chunks_per_round=plan.chunks_per_round,
        warmup_chunks=plan.warmup_chunks,
        seed=ORDER_SEED,
        contenders=figures(runs, threshold),
        not_run=tuple(NotRun(name=name, reason=reason) for name, reason in not_run.items()),
    )
