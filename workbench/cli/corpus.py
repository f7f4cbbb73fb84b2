"""`corpus`: recordings with known f0 that others published."""

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from workbench.audio.corpora.known import KNOWN_CORPORA, KnownCorpus, known_corpus
from workbench.audio.corpora.stored import SPLIT, clips_folder, downloaded_bytes, find_stored, stored_corpus
from workbench.cli._shared.group import main
from workbench.cli._shared.notes import note, quiet_option
from workbench.cli._shared.options import json_option
from workbench.cli._shared.output import print_object
from workbench.cli._shared.progress import progress_shown
from workbench.recipe.patterns import ROLES
from workbench.report.formatting import counted


@main.group("corpus")
def corpus_group() -> None:
    """List and fetch published recordings with known f0, such as vocadito.

    They are fetched through mirdata into the cache, never into the project: pip install 'pesto-workbench[corpora]'. A
    recipe names one in `audio: {score: [corpus:vocadito], calibrate: [corpus:vocadito]}`. A quarter of its singers
    calibrate, and the others are scored.

    \b
    Example:
      workbench corpus list
      workbench corpus fetch vocadito
      workbench run int8-mixed --set "audio.score=[corpus:vocadito]"
    """


@dataclass(frozen=True)
class _Listed:
    """A corpus as `list` shows it; these are the keys of --json."""

    corpus: str
    contents: str
    truth: str
    licence: str
    citation: str
    megabytes: int | None
    state: str
    caution: str


@corpus_group.command("list")
@json_option
@quiet_option
def list_corpora(as_json: bool) -> None:
    """List the corpora, with licence, size and citation.

    \b
    Example:
      workbench corpus list
      workbench corpus list --json | jq -r .licence
    """
    for corpus in KNOWN_CORPORA:
        listed = _listed(corpus)
        if as_json:
            click.echo(json.dumps(asdict(listed)))
        else:
            click.echo("\n".join(_lines(listed)))


@corpus_group.command("fetch")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Fetch without asking.")
@click.option(
    "--from",
    "folder",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of a corpus that you have already, unpacked. It is copied, not downloaded.",
)
@json_option
@quiet_option
def fetch(name: str, yes: bool, folder: Path | None, as_json: bool) -> None:
    """Fetch a corpus into the cache.

    States its licence, size and citation, and asks. A download that is cut is continued by the same command. Every file
    is verified by its checksum; until all are there, recipes do not see the corpus.

    \b
    Example:
      workbench corpus fetch vocadito
      workbench corpus fetch ikala --from ~/iKala
    """
    corpus = known_corpus(name)
    from workbench.audio.corpora.fetch import check_can_fetch, fetch_corpus

    check_can_fetch(corpus, folder)
    for line in _lines(_listed(corpus)):
        note(line)
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("fetch asks first; add --yes where nobody can be asked.")
        if not click.confirm(f"Fetch {corpus.name}?", err=True):
            return
    with progress_shown(corpus.name) as progress:
        stored, is_new = fetch_corpus(corpus, progress, folder)
    counts = {
        f"{role}_{what}": len({getattr(clip, key) for clip in stored.clips_of(role)})
        for role in ROLES
        for what, key in (("clips", "name"), ("singers", "singer"))
    }
    if as_json:
        print_object(folder=str(clips_folder(stored.name)), version=stored.version, fetched=is_new, **counts)
        return
    click.echo(
        f"{stored.name} {stored.version} {'is fetched' if is_new else 'was there'}: {counts['score_clips']} clips of "
        f"{counted(counts['score_singers'], 'singer')} are scored, {counts['calibrate_clips']} of "
        f"{counted(counts['calibrate_singers'], 'singer')} calibrate ({SPLIT})"
    )


@corpus_group.command("path")
@click.argument("name")
def show_path(name: str) -> None:
    """Print the folder of the clips of a fetched corpus.

    \b
    Example:
      workbench corpus path vocadito
    """
    click.echo(str(clips_folder(stored_corpus(known_corpus(name).name).name)))


def _listed(corpus: KnownCorpus) -> _Listed:
    if find_stored(corpus.name) is not None:
        state = "fetched"
    elif not corpus.has_loader:
        state = "the installed mirdata has no reader for it"
    elif corpus.source:
        state = f"cannot be downloaded by a program: {corpus.source}; name its folder with --from"
    elif left := downloaded_bytes(corpus.name):
        state = f"partly downloaded ({left / 1e6:,.1f} MB); `workbench corpus fetch {corpus.name}` continues"
    else:
        state = "not fetched"
    return _Listed(
        corpus.name,
        corpus.contents,
        corpus.truth,
        corpus.licence,
        corpus.citation,
        corpus.megabytes,
        state,
        corpus.caution,
    )


def _lines(listed: _Listed) -> list[str]:
    size = "" if listed.megabytes is None else f", about {listed.megabytes:,} MB to download"
    caution = [f"  caution: {listed.caution}"] if listed.caution else []
    return [
        f"{listed.corpus}: {listed.state}",
        f"  {listed.contents}; known f0: {listed.truth}{size}",
        f"  licence: {listed.licence}",
        f"  cite: {listed.citation}",
        *caution,
    ]
