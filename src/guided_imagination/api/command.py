"""`guided-imagination expand FOLDER`: `guided_imagination.expand` on the command line."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import click
import yaml

from guided_imagination.api.settings import METHODS, presets
from guided_imagination.api.wording import COMMAND
from guided_imagination.config.models import HeadChoice
from guided_imagination.utils.errors import InputError
from guided_imagination.utils.files import (
    check_name,
    check_writable,
    explaining_full_disk,
    read_json,
    replacing_folder,
)

EXPORTED = "train/metadata.parquet"  # a folder that has it was written by `--images`


class Explained(click.Command):
    """A command whose user's mistakes end in one sentence instead of a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except InputError as error:
            raise click.ClickException(error.worded(COMMAND)) from error


def _setting(context: click.Context, parameter: click.Parameter, pairs: tuple[str, ...]) -> dict[str, Any]:
    """`a.b=1` as {"a": {"b": 1}}; values are read as YAML."""
    from guided_imagination.config.strict import merged

    tree: Mapping[str, Any] = {}
    for pair in pairs:
        place, equals, value = pair.partition("=")
        if not equals:
            raise click.BadParameter(f"{pair!r} has no '='; allowed: such as expand_dalle.steps=3")
        if not all(place.split(".")):
            raise click.BadParameter(f"{pair!r} names no setting; allowed: such as expand_dalle.steps=3")
        try:
            nested = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise click.BadParameter(f"{value!r} of {place} is no YAML") from error
        for key in reversed(place.split(".")):
            nested = {key: nested}
        tree = merged(tree, nested)
    return dict(tree)


@click.command(cls=Explained)
@click.argument("folder")
@click.option(
    "--out", required=True, help="Folder for the shards (parquet) and the manifest; interrupted runs resume there."
)
@click.option("--method", default="gif_dalle", show_default=True, help=f"One of {', '.join(METHODS)}.")
@click.option("--preset", default="embedded", show_default=True, help="Model preset (see below).")
@click.option("--ratio", type=int, default=5, show_default=True, help="Generated images per input image.")
@click.option("--images", "target", help="Also write all images, input and generated, here: train/CLASS/....png.")
@click.option("--overwrite", is_flag=True, help="Replace an expansion in --out that was made with other settings.")
@click.option("--seed", type=int, default=0, show_default=True, help="Random seed.")
@click.option("--resolution", type=int, help="Side of the new images in pixels.  [default: the preset's]")
@click.option(
    "--template", "templates", multiple=True, help="Prompt template for CLIP, 'a photo of a {}.'; repeatable."
)
@click.option("--filter/--no-filter", default=None, help="Discard images that CLIP assigns to another class.")
@click.option(
    "--head", type=click.Choice(get_args(HeadChoice)), help="How the guide classifies.  [default: the preset's]"
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1 or mps.")
@click.option("--workers", type=int, help="Processes.  [default: one per GPU, or as many as the cores allow]")
@click.option("--set", "settings", multiple=True, callback=_setting, help="Any other parameter: expand_dalle.steps=3.")
def expand(folder: str, out: str, target: str | None, templates: tuple[str, ...], **options: Any) -> None:
    """Generate new labelled images from those in FOLDER, which has a subfolder of images per class."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("guided_imagination").setLevel(logging.INFO)
    destination = None if target is None else _free(Path(target), Path(out))
    from guided_imagination.api.expanding import expand as make  # imports torch

    new = make(folder, out=out, templates=list(templates) or None, **options)
    manifest = read_json(Path(out) / "manifest.json")
    totals = ", ".join(f"{count} {name}" for name, count in manifest["totals"].items())
    click.echo(f"{len(new)} new images ({totals}) are in {out}, with a manifest of the settings and models")
    if destination is not None:
        rows = _write(Path(folder), Path(out), destination, options["settings"])
        click.echo(f"{rows} images, including the input, are in {destination / 'train'}, one folder per class")


def _epilog() -> str:
    lines = [
        f"  {name}: for {', '.join(method for method, row in METHODS.items() if row['pipeline'] in preset.pipelines)}"
        for name, preset in presets().items()
    ]
    return "\b\n" + "\n".join(["Presets, and the methods that they support:", *lines])


def _free(target: Path, out: Path) -> Path:
    """Raises InputError for a place that holds anything but an earlier export, which is replaced as a whole, or where
    the expansion itself will be, and for one that cannot be written."""
    check_name(target)
    with explaining_full_disk(target):
        empty = not target.exists() or (target.is_dir() and not any(target.iterdir()))
        exported = (target / EXPORTED).is_file()
    if not empty and not exported:
        raise InputError(f"--images {target} contains other files: use an empty or a new folder")
    if out.resolve().is_relative_to(target.resolve()):
        raise InputError(f"--images {target} would overwrite --out {out}: use another folder")
    check_writable(target)
    return target


def _write(folder: Path, out: Path, target: Path, settings: Mapping[str, Any]) -> int:
    """Write seeds and new images as an ImageFolder; returns their number."""
    from guided_imagination.api.images import read_images
    from guided_imagination.api.settings import NAME, changed, spec
    from guided_imagination.data.dataset import class_names
    from guided_imagination.expansion import export
    from guided_imagination.expansion.store import Expansion

    own = {"dataset_specs": settings.get("dataset_specs", {})}  # of the rest, nothing shapes what is read
    seeds = read_images(folder, changed({"dataset_specs": {NAME: spec(1, None)}}, own).dataset_specs[NAME])
    made = Expansion(out)
    made.check_made_of(seeds)
    with replacing_folder(target) as partial:
        return export.write_image_folder(partial, export.splits(seeds, made, None), class_names(seeds))["train"]


expand.epilog = _epilog()
