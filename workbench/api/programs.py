"""Programs: built, loaded as sessions, and run on audio files; and the baseline."""

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.api._inputs import open_clips, prepare_again
from workbench.progress import Progress
from workbench.supported_versions import check_versions

if TYPE_CHECKING:
    from workbench.recipe import Recipe
    from workbench.runtime.open_program import ProgramSession
    from workbench.runtime.session import Session
    from workbench.workflows.track import Track


def build(
    recipe: "Recipe",
    folder: str | Path,
    *,
    calib_audio: str | Path | None = None,
    fresh: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Exports a recipe's program to `folder/<name of the recipe>/`, and runs it once in a child process.

    Args:
        recipe: The recipe, from `load_recipe`.
        folder: The folder to build in.
        calib_audio: As in `load_recipe`. The calibration clips of a quantized program are read from it.
        fresh: Exports the program even if it is cached.
        progress: Receives the stages; nothing is printed by default.

    Returns:
        The path of the program.

    Raises:
        RecipeError: The recipe is not valid.
        AudioError: A calibration clip cannot be used.
        LoweringError: The program cannot be exported.
        ProgramError: The program does not load or run.
        WorkbenchError: The folder has a result whose program would be replaced, or another process uses it.

    Example:
        >>> program = workbench.build(recipe, "outputs/built")
        >>> program
        PosixPath('outputs/built/float-xnnpack/program.pte')
    """
    from workbench.workflows.build import build_programs
    from workbench.workflows.folders import program_store
    from workbench.workflows.variant.prepare import load_clips

    catalog, progress = open_clips(calib_audio), progress or Progress()
    prepared = prepare_again(recipe, catalog)
    if prepared.needs_calibration:
        (prepared,) = load_clips([prepared], catalog, None, progress)
    (outcome,) = build_programs([prepared], Path(folder), lambda _: nullcontext(progress), fresh, program_store())
    return outcome.folder / outcome.built.program.path


def load_program(path: str | Path, check: bool = True) -> "ProgramSession":
    """Loads an exported program as a session that runs it chunk by chunk.

    `session.step(chunk)` takes an array (samples,) float32 in -1..1 of `session.stream.chunk_samples` samples, and
    returns `pitch_semitones`, `confidence` and `volume`, each (frames,) float32. The session keeps its state between
    calls. `session.reset()` zeroes it. A program with several streams takes (streams, samples).

    Args:
        path: A `.pte`, a `.onnx` or a `.ts` file from `build` or `run`.
        check: Opens the program in a child process first, because a damaged file can crash the process that loads it.
            This takes some seconds the first time.

    Raises:
        ProgramError: The file is missing, is no program of the workbench, or does not load. `step` raises it for a
            chunk of another dtype, shape or length, and leaves the state as it is.

    Example:
        >>> import numpy as np
        >>> session = workbench.load_program("outputs/mine/float-xnnpack/program.pte")
        >>> session.reset()
        >>> frames = session.step(np.zeros(960, np.float32))
        >>> frames.pitch_semitones.shape, frames.confidence.dtype
        ((1,), dtype('float32'))
    """
    check_versions()
    from workbench.workflows.input_files import check_programs

    path = Path(path)
    check_programs([path])
    from workbench.runtime.isolation import OPEN_LIMIT_S, IsolatedProcess
    from workbench.runtime.open_program import describe_program, open_program

    if check:
        with IsolatedProcess(OPEN_LIMIT_S) as child:
            child.call(describe_program, path)
    return open_program(path)


def load_baseline(recipe: "Recipe") -> "Session":
    """Returns the session that programs are compared with: upstream PESTO in eager PyTorch, with a recipe's stream.

    Args:
        recipe: The recipe, from `load_recipe`.

    Raises:
        RecipeError: The recipe is not valid.
        CheckpointError: The checkpoint cannot be used.
        ModelError: The stream is impossible.

    Example:
        >>> baseline = workbench.load_baseline(recipe)
        >>> len(baseline.step(np.zeros(960, np.float32)))
        1
    """
    return prepare_again(recipe, open_clips(None)).baseline.session()


def track(audio: str | Path, program: str | Path, confidence_threshold: float | None = None) -> "Track":
    """Runs a program on an audio file, in a child process, as `workbench track` does.

    Args:
        audio: An audio file of any rate and number of channels.
        program: An exported program with pitch and confidence among its outputs.
        confidence_threshold: Frames with less confidence are unvoiced; with 0 every frame is voiced. By default the
            threshold of the program if its recipe sets one, otherwise 0.12, just above the confidence of silence.

    Returns:
        The track: `time_s`, `frequency_hz` (0 if unvoiced) and `confidence`, each (frames,).

    Raises:
        AudioError: The audio file is missing or cannot be read.
        ProgramError: The program is missing, does not run, or returns no confidence.

    Example:
        >>> take = workbench.track("take.wav", outcome.program)
        >>> bool(100 < take.frequency_hz[take.confidence > 0.9].min())
        True
    """
    check_versions()
    from workbench.workflows.track import track as track_file

    return track_file(Path(audio), Path(program), confidence_threshold)
