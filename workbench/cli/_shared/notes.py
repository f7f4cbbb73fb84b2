"""Lines on stderr beside the results: notes, which --quiet hides, and times in words."""

import click

_QUIET = "workbench.quiet"  # the key in click's context, which all parts of one command share


def _set_quiet(context: click.Context, _: click.Parameter, quiet: bool) -> None:
    context.meta[_QUIET] = quiet


quiet_option = click.option(
    "--quiet",
    "-q",
    is_flag=True,
    expose_value=False,
    callback=_set_quiet,
    help="Print only results and errors: no progress, no notes and no warnings.",
)


def is_quiet() -> bool:
    """Whether the command that runs was called with --quiet."""
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.meta.get(_QUIET))


def note(text: str) -> None:
    """Prints a line on stderr unless the command is quiet."""
    if not is_quiet():
        click.echo(text, err=True)


def duration(seconds: float) -> str:
    """Returns a time in words, as precise as an estimate is: "50 s", "7 minutes", "2.5 hours"."""
    if seconds < 60:
        return f"{max(10, round(seconds, -1)):.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} minute{'s' if minutes > 1 else ''}"
    return f"{seconds / 3600:.1f} hours"
