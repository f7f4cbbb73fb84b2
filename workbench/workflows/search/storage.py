"""The database of a search: its address, its options, and what its errors mean."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import WorkbenchError, first_line
from workbench.extras import SEARCH

if TYPE_CHECKING:
    from optuna.storages import RDBStorage

_HEARTBEAT_S, _CONNECT_LIMIT_S = 10, 10
_ATTEMPTS, _PAUSE_S = 10, 0.5


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


def open_database(storage: str, grace_s: int, retries: int) -> "RDBStorage":
    """Opens a database, and creates its tables if it has none. Another worker may create them at the same moment.

    Args:
        storage: The URL.
        grace_s: A worker whose last heartbeat is this long ago is dead.
        retries: How often the trial of a dead worker is tried again.
    """
    from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback
    from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError

    for attempt in range(_ATTEMPTS):
        try:
            return RDBStorage(
                storage.replace("postgresql://", "postgresql+psycopg://", 1),
                engine_kwargs=engine_options(storage),
                heartbeat_interval=min(_HEARTBEAT_S, max(1, grace_s // 3)),
                grace_period=grace_s,
                heartbeat_stale_trial_callback=RetryHeartbeatStaleTrialCallback(max_retry=retries),
            )
        except (IntegrityError, OperationalError, ProgrammingError) as error:
            if attempt == _ATTEMPTS - 1 or not _created_meanwhile(error):
                raise
            time.sleep(_PAUSE_S)
    raise AssertionError


def _created_meanwhile(error: Exception) -> bool:
    return any(text in str(error) for text in ("UNIQUE constraint", "duplicate key", "already exists"))


def engine_options(storage: str) -> dict[str, Any]:
    """Returns the options with which SQLAlchemy opens a database."""
    if storage.startswith("sqlite"):
        return {"connect_args": {"timeout": 60}}  # two workers write to one file
    if storage.startswith("postgresql"):
        return {"pool_pre_ping": True, "connect_args": {"connect_timeout": _CONNECT_LIMIT_S}}
    return {"pool_pre_ping": True}


def storage_error(storage: str, error: BaseException) -> WorkbenchError:
    """Returns the error to raise for an error of SQLAlchemy or Optuna."""
    cause = error
    while inner := getattr(cause, "orig", None) or cause.__cause__:
        cause = inner
    if isinstance(cause, ImportError):
        fix = SEARCH.install_command if cause.name == "psycopg" else "use postgresql:// or sqlite://"
        return WorkbenchError(f"--storage {hidden_password(storage)}: {cause.name} is not installed; {fix}")
    reason = " ".join(str(first_line(cause)).split())
    return WorkbenchError(
        f"--storage {hidden_password(storage)}: cannot be used ({reason}); check its address and its free space"
    )
