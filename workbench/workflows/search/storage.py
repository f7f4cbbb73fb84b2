"""The database of a search: its address, its options, and what its errors mean."""

from pathlib import Path
from typing import Any

from workbench.errors import WorkbenchError, first_line


def hidden_password(storage: str) -> str:
    """Returns a URL without its password."""
    head, at, tail = storage.rpartition("@")
    if not at:
        return storage
    scheme, _, login = head.partition("://")
    return f"{scheme}://{login.partition(':')[0]}@{tail}"


def file_storage(folder: Path) -> str:
    """Returns the URL of the default storage: a SQLite file in the folder of the search."""
    return f"sqlite:///{(folder / 'study.db').resolve()}"


def engine_options(storage: str) -> dict[str, Any]:
    """Returns the options with which SQLAlchemy opens a database."""
    if storage.startswith("sqlite"):
        return {"connect_args": {"timeout": 60}}  # two workers write to one file
    return {"pool_pre_ping": True}


def storage_error(storage: str, error: BaseException) -> WorkbenchError:
    """Returns the error to raise for an error of SQLAlchemy or Optuna."""
    cause = error
    while inner := getattr(cause, "orig", None) or cause.__cause__:
        cause = inner
    reason = " ".join(str(first_line(cause)).split())
    return WorkbenchError(
        f"--storage {hidden_password(storage)}: cannot be used ({reason}); check its address and its free space"
    )
