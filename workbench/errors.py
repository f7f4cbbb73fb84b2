"""What can go wrong, in words that a user can act on.

Every message says what is wrong, where, and what to do. The library raises these; `cli` alone turns them into
lines on stderr and an exit code.
"""

import errno
from collections.abc import Iterable, Sequence
from difflib import get_close_matches


class WorkbenchError(Exception):
    """A mistake or a limit that the user can do something about; one line, no traceback."""


class WorkbenchWarning(UserWarning):
    """A limit that the user should know about and that stops nothing. The command line prints it as one line."""


class RecipeError(WorkbenchError):
    """One or more recipes are wrong; `problems` holds one line for each mistake in any of them."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class ChangedError(WorkbenchError):
    """What is being used, a checkpoint, a program or the workbench's own code, is another than when it was first
    read."""


class AudioError(WorkbenchError):
    """A clip, an annotation or a folder of them cannot be used."""


class CheckpointError(WorkbenchError):
    """A checkpoint is missing, unsafe to open, or does not fit the model."""


class ModelError(WorkbenchError):
    """The streaming set-up asked for cannot exist: a hop longer than the analysis window, say."""


class LoweringError(WorkbenchError):
    """A model could not be exported and lowered to a program."""


class NotInstalledError(LoweringError):
    """What makes the program is not on this machine, so that nothing was tried."""


class ProgramError(WorkbenchError):
    """A program cannot be loaded, run or understood."""


def first_line(error: BaseException) -> str:
    """What somebody else's error says, for a line of ours; its type where it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].strip()


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the machine had no memory left: torch and ONNX Runtime say so in words, the system as an OSError."""
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, MemoryError) or any(words in str(error) for words in _NO_MEMORY)


_NO_MEMORY = ("can't allocate memory", "Failed to allocate memory")


def program_error(says: str, error: BaseException) -> ProgramError:
    """What a runtime's error tells of a program. Raises MemoryError where the machine's memory was wanting, which tells
    nothing of it."""
    if is_out_of_memory(error):
        raise MemoryError(first_line(error)) from error
    return ProgramError(f"{says} ({first_line(error)})")


LONGEST_VALUE = 60  # characters of a value that a message repeats


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """The words " (did you mean 'x'?)" for the candidate nearest to `word`, or nothing when none is near.

    Of a dotted candidate the last part counts as well: 'backend' finds 'lowering.backend'.
    """
    names: dict[str, str] = {}
    for candidate in candidates:
        names[candidate.lower()] = candidate
        names.setdefault(candidate.lower().rpartition(".")[2], candidate)
    nearest = get_close_matches(word.lower(), names, n=1)
    return f" (did you mean '{names[nearest[0]]}'?)" if nearest else ""


def quote_value(value: object) -> str:
    """A YAML value as a message repeats it: on one line, and short."""
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case dict():
            return "a mapping"
        case list() | tuple() | set():
            return "a list" if value else "an empty list"
        case int() if value.bit_length() > 128:  # Python refuses to print the largest ones
            return "a huge number"
    text = repr(value) if isinstance(value, str) else repr(str(value)).strip("'\"")
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 3] + "..."
