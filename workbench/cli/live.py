"""`live`: programs on a microphone, side by side."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from workbench.cli._shared.group import ERROR, main
from workbench.cli._shared.notes import is_quiet, note, quiet_option
from workbench.cli._shared.options import calib_audio_option, channel_option, json_option, out_option
from workbench.cli._shared.output import print_object
from workbench.cli._shared.progress import progress_shown
from workbench.cli._shared.recipe_argument import RecipeReference
from workbench.errors import WorkbenchError
from workbench.extras import LIVE
from workbench.workflows.folders import LOCAL_CLIPS, open_catalog, unused_output_folder

if TYPE_CHECKING:
    from workbench.live.inputs import Microphone
    from workbench.live.programs import LiveProgram


@main.command()
@click.argument("programs", nargs=-1, metavar="[PROGRAM|RECIPE]...", type=RecipeReference())
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="N",
    help="Port of the page; 0 for any free one.  [default: 8377, or the next free one]",
)
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Address to listen on.")
@click.option("--no-browser", is_flag=True, help="Print the address, and open no browser.")
@out_option("Folder for the takes that are recorded.  [default: a dated folder below outputs/]")
@click.option("--terminal", is_flag=True, help="Show the frames in the terminal, without a page.")
@click.option(
    "--play",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="With --terminal: audio file to play into the programs in real time.  [default: the system's input]",
)
@click.option("--device", metavar="NAME", help="With --terminal: input device, by its number or a part of its name.")
@channel_option
@json_option
@calib_audio_option
@quiet_option
def live(
    programs: tuple[str, ...],
    port: int | None,
    host: str,
    no_browser: bool,
    out: Path | None,
    terminal: bool,
    play: Path | None,
    device: str | None,
    channel: str | None,
    as_json: bool,
    calib_audio: Path | None,
) -> None:
    """Sing into programs and see their pitch at once, side by side with upstream.

    Opens a page in the browser. It sends the audio of the microphone to this command and to no other place. Each
    program runs in its own process: in the native host, or in Python if the native host cannot be built or cannot run
    the program. The page shows the frames as they are computed, the time of each call, and the delay from the sound to
    the screen. It records takes, and scores them as `run` does. The first line of stdout is the address of the page.
    Ctrl-C ends the command.

    A PROGRAM is a program file. A RECIPE is built first, unless it is cached. The default is the programs that pass in
    the newest run in outputs/. Up to six programs can run.

    With --terminal there is no page: a table in the terminal follows the system's input or a file. At the end, a line
    for each program is printed.

    Needs the extra live: pip install 'pesto-workbench[live]'.

    \b
    Example:
      workbench live int8-mixed float-xnnpack
      workbench live build/mine/program.pte --port 0 --no-browser
      workbench live int8-mixed --terminal --play take.wav
    """
    if hint := LIVE.missing_hint():
        raise WorkbenchError(hint)
    if not terminal and (play is not None or device is not None):
        raise WorkbenchError("--play and --device choose the input of --terminal; add --terminal, or drop them")
    if play is None and channel is not None:
        raise WorkbenchError("--channel chooses a channel of the file of --play; add --play, or drop it")
    if play is not None:
        from workbench.workflows.input_files import check_audio

        check_audio(play)
    if terminal:
        from workbench.live.inputs import Microphone

        audio = Microphone(device) if play is None else play  # a microphone that does not open is found before a build
        with _chosen(programs, calib_audio) as (chosen, native_host):
            _show_in_terminal(chosen, native_host, audio, channel or "mix", as_json)
        return
    from workbench.live.server.serve import bind

    with bind(host, port) as bound, _chosen(programs, calib_audio) as (chosen, native_host):
        from workbench.live.programs import BASELINE
        from workbench.live.server.app import LiveServer
        from workbench.live.server.pool import SessionPool
        from workbench.live.server.scoring import TakeScorer
        from workbench.live.server.serve import serve

        def print_address(address: str) -> None:
            if as_json:
                print_object(address=address)
            else:
                click.echo(address)

        names = (BASELINE, *(program.name for program in chosen))
        scorer = TakeScorer([program.recipe for program in chosen if program.recipe], calib_audio)
        folder = out or unused_output_folder("live")
        server = LiveServer(SessionPool(chosen, native_host), names, scorer, folder, calib_audio or LOCAL_CLIPS)
        try:
            serve(server, bound, print_address, not no_browser)
        except KeyboardInterrupt as error:
            if type(error) is not KeyboardInterrupt:
                raise  # SIGTERM
        note(f"ended; the takes are in {folder}" if server.takes else "ended")


@contextmanager
def _chosen(names: tuple[str, ...], calib_audio: Path | None) -> "Iterator[tuple[list[LiveProgram], Path | None]]":
    """Yields the programs and the native host. Programs that were built for this command are deleted at its end."""
    from workbench.live.start import choose

    with tempfile.TemporaryDirectory(prefix="workbench-live-") as built:
        yield choose(names, open_catalog(calib_audio), Path(built), progress_shown)


def _show_in_terminal(
    chosen: "list[LiveProgram]", native_host: Path | None, audio: "Path | Microphone", channel: str, as_json: bool
) -> None:
    """Shows the table on stderr, if that is a terminal, and prints what each program did."""
    from rich.console import Console

    from workbench.live.blocks import BlockReader
    from workbench.live.inputs import file_blocks
    from workbench.live.programs import BASELINE, open_sessions
    from workbench.live.terminal import TerminalView

    sessions = open_sessions(chosen, native_host)
    try:
        reader = BlockReader()
        rate_hz = sessions.programs[0].metadata.sample_rate_hz
        blocks = file_blocks(audio, rate_hz, reader, channel) if isinstance(audio, Path) else audio.blocks(reader)
        console = Console(stderr=True)
        view = TerminalView((BASELINE, *(program.name for program in chosen)), sessions)
        summaries = view.run(blocks, reader, console if console.is_terminal and not is_quiet() else None)
    finally:
        sessions.close()
    for summary in summaries:
        if as_json:
            print_object(**asdict(summary))
            continue
        times = "no calls" if summary.p50_ms is None else f"p50 {summary.p50_ms:.2f} ms, p99 {summary.p99_ms:.2f} ms"
        counts = f"{summary.frames} frames, {summary.voiced_frames} voiced, {summary.missed} chunks late"
        click.echo(f"{summary.program}  {counts}, {times}{summary.failed and f': {summary.failed}'}")
    if any(summary.failed for summary in summaries):
        sys.exit(ERROR)
