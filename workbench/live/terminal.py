"""The frames of live programs in a terminal, for a machine without a browser."""

import math
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from rich.console import Console
from rich.live import Live
from rich.table import Table

from workbench.live.blocks import Block, BlockReader
from workbench.live.lane import LaneStatus
from workbench.live.listener import Listener
from workbench.live.programs import OpenSessions
from workbench.live.pump import Step
from workbench.report.formatting import counted
from workbench.units import CENTS_PER_SEMITONE, semitones_to_hz

REFRESH_PER_S = 12
_NAMES = ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B")
_METER_CELLS = 11
_COLUMNS = {
    "program": 12, "note": 4, "cents": _METER_CELLS + 4, "Hz": 6, "conf": 4, "diff": 6, "delay": 5, "p50": 5, "p99": 5,
    "missed": 6,
}  # fmt: skip
"""The headings, and widths that do not change with every frame."""
_DRAIN_LIMIT_S = 10.0


@dataclass
class _Row:
    """The newest frame of a session, and its counts."""

    frames: int = 0
    voiced: int = 0
    pitch_semitones: float = math.nan
    confidence: float = 0.0
    delay_ms: float = math.nan


@dataclass(frozen=True)
class LiveSummary:
    """What one session did until the end.

    Attributes:
        program: The name.
        native: Whether it ran in the native host.
        frames: The number of frames.
        voiced_frames: How many had at least the threshold's confidence.
        p50_ms: Median time of a call in the last ten seconds; None without calls.
        p99_ms: The 99th percentile.
        missed: Chunks that took longer than a chunk lasts.
        skipped_ms: Audio that was skipped, because the session was too far behind.
        failed: Why the session ended early, or "".
    """

    program: str
    native: bool
    frames: int
    voiced_frames: int
    p50_ms: float | None
    p99_ms: float | None
    missed: int
    skipped_ms: float
    failed: str


class TerminalView:
    """Shows a table that follows the newest frames while blocks arrive."""

    def __init__(self, names: Sequence[str], sessions: OpenSessions, threshold: float | None = None) -> None:
        """`threshold` is the confidence below which no note is shown; by default that of the first program."""
        self._names, self._sessions = names, sessions
        self._threshold = sessions.display_threshold if threshold is None else threshold
        self._rows = [_Row() for _ in names]
        self._lock = threading.Lock()
        self._clock_s = math.inf  # the least arrival time minus stream time: when the stream began
        self._listener = Listener(sessions, self._keep)

    def run(self, blocks: Iterator[Block], reader: BlockReader, console: Console | None) -> list[LiveSummary]:
        """Runs all blocks through the sessions; without a console nothing is shown. Returns what each session did.

        Ctrl-C ends the input, and what is there so far is returned.
        """
        live = None if console is None else Live(console=console, auto_refresh=False, transient=True)
        try:
            if live is not None:
                live.start()
            self._follow(blocks, reader, live)
        except KeyboardInterrupt as error:
            if type(error) is not KeyboardInterrupt:
                raise  # SIGTERM
        finally:
            if live is not None:
                live.stop()
            self._listener.close()
        return self._summaries()

    def _follow(self, blocks: Iterator[Block], reader: BlockReader, live: Live | None) -> None:
        shown_s = 0.0
        for block in blocks:
            with self._lock:
                self._clock_s = min(self._clock_s, block.arrived_s - block.end_s)
            self._listener.put(block)
            if live is not None and block.arrived_s - shown_s > 1 / REFRESH_PER_S:
                shown_s = block.arrived_s
                live.update(self._table(reader), refresh=True)
        self._listener.wait(_DRAIN_LIMIT_S)

    def _keep(self, session: int, step: Step) -> None:
        voiced = int((step.confidence >= self._threshold).sum())
        with self._lock:
            row = self._rows[session]
            row.frames, row.voiced = row.frames + len(step.time_s), row.voiced + voiced
            row.pitch_semitones, row.confidence = float(step.pitch_semitones[-1]), float(step.confidence[-1])
            row.delay_ms = 1000 * (time.monotonic() - self._clock_s - float(step.time_s[-1]))

    def _table(self, reader: BlockReader) -> Table:
        """Returns the table, which fits a terminal of 80 columns."""
        table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), caption_justify="left")
        for heading, width in _COLUMNS.items():
            justify: Literal["left", "right"] = "left" if heading in ("program", "note", "cents") else "right"
            table.add_column(heading, justify=justify, min_width=width, no_wrap=True)
        notes = [f"{counted(reader.drop_outs, 'drop-out')}, {counted(reader.rate_changes, 'rate change')}"]
        with self._lock:
            for name, row, status in zip(self._names, self._rows, self._listener.status(), strict=True):
                table.add_row(name, *self._cells(row), _number(row.delay_ms, 0), *_times(status))
                if status.failed:
                    notes.append(f"{name} ended: {status.failed}")
                elif status.skipped_ms:
                    notes.append(f"{name} skipped {status.skipped_ms / 1000:.1f} s, because it is too slow")
        table.caption = "\n".join([*notes, "diff: cents to upstream · delay, p50 and p99 in ms · Ctrl-C ends"])
        return table

    def _cells(self, row: _Row) -> tuple[str, str, str, str, str]:
        if not row.confidence >= self._threshold or not math.isfinite(row.pitch_semitones):
            return "–", "", "", f"{row.confidence:.2f}", ""
        baseline = self._rows[0]
        difference = CENTS_PER_SEMITONE * (row.pitch_semitones - baseline.pitch_semitones)
        shown = row is not baseline and baseline.confidence >= self._threshold and math.isfinite(difference)
        hz = float(semitones_to_hz(np.asarray(row.pitch_semitones)))
        name, cents = note_of(row.pitch_semitones)
        return name, meter(cents), f"{hz:.1f}", f"{row.confidence:.2f}", f"{difference:+.1f}" if shown else ""

    def _summaries(self) -> list[LiveSummary]:
        rows = zip(self._names, self._sessions.all, self._rows, self._listener.status(), strict=True)
        return [
            LiveSummary(
                name, session.native, row.frames, row.voiced, status.p50_ms, status.p99_ms, status.missed,
                status.skipped_ms, status.failed,
            )
            for name, session, row, status in rows
        ]  # fmt: skip


def note_of(semitones: float) -> tuple[str, float]:
    """Returns the name of the nearest note (69 is A4), and how many cents the pitch is above it."""
    note = round(semitones)
    return f"{_NAMES[note % 12]}{note // 12 - 1}", CENTS_PER_SEMITONE * (semitones - note)


def meter(cents: float) -> str:
    """Returns a line of cells from -50 to 50 cents with a mark, and the number."""
    position = round((cents + 50) / 100 * (_METER_CELLS - 1))
    cells = ["·"] * _METER_CELLS
    cells[_METER_CELLS // 2] = "|"
    cells[max(0, min(_METER_CELLS - 1, position))] = "█"
    return f"{''.join(cells)} {cents:+3.0f}"


def _times(status: LaneStatus) -> tuple[str, str, str]:
    return _number(status.p50_ms, 1), _number(status.p99_ms, 1), str(status.missed)


def _number(value: float | None, digits: int) -> str:
    return f"{value:.{digits}f}" if value is not None and math.isfinite(value) else ""
