"""From the words of the command line to open sessions."""

from collections.abc import Sequence
from pathlib import Path

from workbench.audio.clip_catalog import ClipCatalog
from workbench.live.programs import LiveProgram, choose_programs
from workbench.progress import ShowProgress
from workbench.workflows.folders import OUTPUTS
from workbench.workflows.variant.native import find_native_host


def choose(
    names: Sequence[str], catalog: ClipCatalog, built: Path, show_progress: ShowProgress
) -> tuple[list[LiveProgram], Path | None]:
    """Returns the programs, and the native host that runs them; None if there is none on this machine.

    Args:
        names: Programs and recipes; by default the programs that pass in the newest run.
        catalog: The clips that recipes name.
        built: The folder for programs that are built now.
        show_progress: Called with a title for each variant that is built.

    Raises:
        WorkbenchError: A program or a recipe cannot be used, or there is none.
    """
    programs = choose_programs(names, catalog, OUTPUTS, built, show_progress)
    with show_progress("") as progress:
        host = find_native_host(progress)
    return programs, host if isinstance(host, Path) else None
