"""`audio`: the clips that recipes can name."""

from pathlib import Path

import click

from workbench.cli._shared.group import main
from workbench.cli._shared.notes import note, quiet_option
from workbench.cli._shared.options import VariantOptions, calib_audio_option, json_option, out_option, variant_options
from workbench.cli._shared.output import print_object
from workbench.cli._shared.recipe_argument import RecipeReference
from workbench.workflows.folders import open_catalog

_LIST_RATE_HZ = 48_000


@main.command("audio")
@click.argument("recipe", required=False, type=RecipeReference())
@variant_options
@out_option("Folder for the clips that RECIPE scores, as WAV files at its rate.")
@json_option
@calib_audio_option
@quiet_option
def list_audio(
    recipe: str | None, chosen: VariantOptions, out: Path | None, as_json: bool, calib_audio: Path | None
) -> None:
    """List the clips that recipes can name, or those that RECIPE scores.

    The clips of fetched corpora are not listed; `workbench corpus path` prints their folder.

    Renders the synthetic clips that are missing into the cache. With --out it writes the clips that RECIPE
    scores as mono WAV files of 32-bit floats at the recipe's rate: the input for its program on another device, whose
    frames `workbench score` reads.

    \b
    Example:
      workbench audio
      workbench audio float-xnnpack --out clips
      workbench audio --channel left --json
    """
    if recipe is None and (out is not None or (chosen.names or chosen.settings)):
        raise click.UsageError("--out, --variant and --set require a RECIPE.")
    catalog = open_catalog(calib_audio)
    names, rate_hz, channel = catalog.own_clips(), _LIST_RATE_HZ, chosen.channel or "mix"
    if recipe is not None:
        selected = chosen.load_one(recipe, catalog)
        names, rate_hz = tuple(catalog.match(selected.audio.clip_patterns("score"))), selected.sample_rate_hz
        channel = selected.audio.channel
    catalog.render(lambda name: note(f"rendering {name}"))
    if out is not None:
        from workbench.workflows.external.write_clips import write_clips

        for path in write_clips(catalog, names, rate_hz, out, channel):
            if as_json:
                print_object(file=str(path))
            else:
                click.echo(str(path))
        return
    from workbench.audio.decode import warn_of_conditions

    for name in names:
        clip = catalog.read(name, rate_hz, channel)
        if not catalog.renders(clip):
            warn_of_conditions([clip])
        if as_json:
            print_object(
                clip=name,
                seconds=clip.duration_s,
                known_f0=clip.f0 is not None,
                truth=clip.f0 and clip.f0.kind,
                channels=clip.channels,
                channel=clip.channel,
                decoder=clip.decoder,
                conditions=[condition.model_dump(exclude={"null_reasons"}) for condition in clip.conditions],
            )
            continue
        known = "f0 not known" if clip.f0 is None else "known f0"
        if clip.f0 is not None and clip.f0.kind != "annotated":
            known += f" ({clip.f0.kind})"
        click.echo(f"{name:42} {clip.duration_s:6.1f} s  {known}")
