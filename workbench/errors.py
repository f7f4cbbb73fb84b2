"""The errors of the workbench, and how their messages quote values and suggest names.

Every message says where something is wrong, what is wrong, and what to do: "<where>: <what>; <what to do>". The library
raises these errors; `cli` turns them into lines on stderr and an exit code.
"""

import errno
import re
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher


class WorkbenchError(Exception):
    """A problem that the user can solve or avoid. The message is one line; it is shown without a traceback."""


class RecipeError(WorkbenchError):
    """One or more recipes are wrong. `problems` has one line for each mistake in any of them."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class ChangedError(WorkbenchError):
    """A checkpoint, a program or the workbench's own code changed while it was used."""


class UnsupportedVersionError(WorkbenchError):
    """Python or a package of the export toolchain has a version that the workbench does not support, or is missing."""


class YamlError(WorkbenchError):
    """A YAML file cannot be read, or does not contain a mapping of keys to values."""


class AudioError(WorkbenchError):
    """A clip, an annotation or a folder of clips cannot be used."""


class CorpusError(AudioError):
    """A published corpus is unknown, is not fetched, or cannot be fetched."""


class CheckpointError(WorkbenchError):
    """A checkpoint is missing, unsafe to open, or does not fit the model."""


class TrainingError(WorkbenchError):
    """A student cannot be trained, or its training cannot be resumed."""


class ModelError(WorkbenchError):
    """The requested stream is impossible, for example because its hop is longer than the analysis window."""


class LoweringError(WorkbenchError):
    """A model could not be exported and lowered to a program."""


class ToolchainError(LoweringError):
    """A stage of torch, ExecuTorch or ONNX Runtime failed while a model was exported."""


class NotInstalledError(LoweringError):
    """The package that lowers to this backend is not installed, so lowering was not started."""


class NativeHostError(WorkbenchError):
    """The native host cannot be built here, or it ended. Everything else works without it."""


class ProgramError(WorkbenchError):
    """A program cannot be loaded or run, or its metadata is missing."""


class ProgramCrashError(ProgramError):
    """A program ended the child process that ran it."""


class NativeCrashError(NativeHostError, ProgramCrashError):
    """A program crashed the native host, or did not return in it."""


class ProgramTimeoutError(ProgramError):
    """A program did not return within its time limit."""


class WorkerKilledError(WorkbenchError):
    """A child process was killed from outside or had no memory, which says nothing about the program in it."""


class RivalError(WorkbenchError):
    """Another pitch tracker is not installed, cannot be loaded, or failed on a clip."""


class ThreadCountError(WorkbenchError):
    """The number of threads cannot be changed any more in this process."""


class BlockError(WorkbenchError):
    """A message of a live stream is not a block of audio."""


class WorkbenchWarning(UserWarning):
    """A condition that the user should know, but that does not stop the work. `cli` shows it as one line on stderr."""


def first_line(error: BaseException) -> str:
    """Returns the first line of a library's error message, or the name of its type if the message is empty."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].strip()


_OUT_OF_MEMORY_MESSAGES = ("can't allocate memory", "Failed to allocate memory")  # of torch and of ONNX Runtime


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error of Python, the system, torch or ONNX Runtime means that the machine is out of memory."""
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, MemoryError) or any(message in str(error) for message in _OUT_OF_MEMORY_MESSAGES)


def program_error(message: str, error: BaseException) -> ProgramError:
    """Converts an error of a runtime.

    Args:
        message: What failed.
        error: The error that the runtime raised; its first line is added to the message.

    Returns:
        The error to raise.

    Raises:
        MemoryError: The machine is out of memory, so it is not known whether the program is wrong.
    """
    if is_out_of_memory(error):
        raise MemoryError(first_line(error)) from error
    return ProgramError(f"{message} ({first_line(error)})")


MAX_QUOTED_CHARACTERS = 60
_SAME_WORD, _LEAST_SIMILARITY = 0.8, 0.6  # the second as in difflib.get_close_matches


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """Returns " (did you mean 'x'?)" for the candidate nearest to `word`, or "" if none is near.

    The last parts of dotted names count as well, as a whole and by their words: 'backend' finds 'lowering.backend', and
    'speed.latency_ms' finds 'latency.algorithmic_ms'.
    """
    nearest = max(candidates, key=lambda candidate: _similarity(word.lower(), candidate.lower()), default="")
    near = bool(nearest) and _similarity(word.lower(), nearest.lower())[0] >= _LEAST_SIMILARITY
    return f" (did you mean '{nearest}'?)" if near else ""


def _similarity(word: str, candidate: str) -> tuple[float, float]:
    """Returns how near the last parts of two names are, from 0 to 1; if it is equal, the whole names decide.

    The parts before the last one do not count: 'deviation.octaves' is not near to 'deviation.frames'.
    """
    last, whole = word.rpartition(".")[2], _ratio(word, candidate)
    words, others = last.split("_"), re.split(r"[._]", candidate)
    shared = sum(max(_ratio(each, other) for other in others) >= _SAME_WORD for each in words) / len(words)
    return max(_ratio(last, candidate), _ratio(last, candidate.rpartition(".")[2]), shared), whole


def _ratio(first: str, second: str) -> float:
    return SequenceMatcher(None, first, second).ratio()


def quote_value(value: object) -> str:
    """Returns a YAML value as a message quotes it: on one line and at most 60 characters long."""
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case dict():
            return "a mapping" if value else "an empty mapping"
        case list() | tuple() | set():
            return "a list" if value else "an empty list"
        case int() if value.bit_length() > 128:  # Python does not convert the largest ones to text
            return "a huge number"
    text = repr(value) if isinstance(value, str) else repr(str(value)).strip("'\"")
    return text if len(text) <= MAX_QUOTED_CHARACTERS else text[: MAX_QUOTED_CHARACTERS - 3] + "..."
