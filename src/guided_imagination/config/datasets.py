"""Typed settings of datasets: where images come from, and how they are split."""

from collections.abc import Mapping
from pathlib import PurePosixPath
from string import Formatter
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from guided_imagination.config.strict import Count, Share, Strict

REST = "rest"  # in place of a part: what is left of the pool


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _inside(name: str) -> str:
    if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
        raise ValueError("a file of the repository is named by its path inside it")
    return name


def _template(text: str) -> str:
    """Raises ValueError unless `text.format(name)` puts a name into exactly one place."""
    try:
        fields = [field[1:] for field in Formatter().parse(text) if field[1] is not None]
    except ValueError:
        fields = []
    if fields != [("", "", None)]:
        raise ValueError(
            f"{text!r} must hold {{}} exactly once, where the name of the class goes; other braces are doubled"
        )
    return text


Text = Annotated[str, Field(min_length=1)]
Texts = Annotated[list[Text], BeforeValidator(_as_list)]
Template = Annotated[str, AfterValidator(_template)]
RepositoryFile = Annotated[Text, AfterValidator(_inside)]


class ParquetSource(Strict):
    """Parquet files with a column of images, one of labels (ClassLabel or integers), and optionally ids in `id`."""

    kind: Literal["parquet"]
    """Kind of source."""
    train: Texts = Field(min_length=1)
    """Files of the part train."""
    val: Texts = Field([])
    """Files of the part val."""
    test: Texts = Field([])
    """Files of the part test."""
    image_column: Text = "image"
    """Column of the images."""
    label_column: Text = "label"
    """Column of the labels."""


class Download(Strict):
    """A class of torchvision.datasets that downloads the files."""

    name: Text
    """Name of the class, which is called with download=True."""
    root: Text
    """Folder to download into."""


class FolderSource(Strict):
    """Images in one folder per class."""

    kind: Literal["folder"]
    """Kind of source."""
    path: Text
    """Folder of the part train, with a folder per class."""
    val: Text | None = None
    """Folder of the part val."""
    test: Text | None = None
    """Folder of the part test."""
    class_pattern: Annotated[str, Field(pattern=r"\(")] | None = None
    """Regular expression, matched against an image's path below the folder, whose first group is the class; null: the
    class is the name of the folder."""
    download: Download | None = None
    """Download of the files; null: none."""


class NpzSource(Strict):
    """Arrays `<part>_images` (N, H, W) or (N, H, W, 3) uint8 and `<part>_labels` (N,) or (N, 1), as in MedMNIST."""

    kind: Literal["npz"]
    """Kind of source."""
    path: Text
    """The .npz file."""


class MedmnistSource(Strict):
    """An official file of MedMNIST, verified by its checksum."""

    kind: Literal["medmnist"]
    """Kind of source."""
    name: Text
    """MedMNIST's name, such as pathmnist."""
    root: Text
    """Folder of the file."""
    size: Literal[28, 64, 128, 224] = 28
    """Side of its images in pixels."""


class TorchvisionSource(Strict):
    """A class of torchvision.datasets."""

    kind: Literal["torchvision"]
    """Kind of source."""
    name: Text
    """Name of the class."""
    root: Text
    """Folder of its files."""
    parts: dict[str, dict[str, Any]] = Field(min_length=1)
    """Keyword arguments of the class, by the name of the part."""


class HuggingFaceSource(Strict):
    """Parquet files of a dataset repository of the Hugging Face hub, at one commit."""

    kind: Literal["huggingface"]
    """Kind of source."""
    repository: Text
    """Id of the repository."""
    revision: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
    """The full commit hash."""
    parts: dict[str, Annotated[list[RepositoryFile], Field(min_length=1)]] = Field(min_length=1)
    """Files of the repository, by the name of the part."""
    image_column: Text = "image"
    """Column of the images."""
    label_column: Text = "label"
    """Column of the labels."""


AnySource = ParquetSource | FolderSource | NpzSource | MedmnistSource | TorchvisionSource | HuggingFaceSource
KEYS_BY_KIND = {
    get_args(kind.model_fields["kind"].annotation)[0]: set(kind.model_fields) for kind in get_args(AnySource)
}


def _of_one_kind(source: object) -> object:
    """Without keys that only other kinds have: they stay behind when an environment changes the kind."""
    if not isinstance(source, Mapping) or source.get("kind") not in KEYS_BY_KIND:
        return source
    foreign = set().union(*KEYS_BY_KIND.values()) - KEYS_BY_KIND[source["kind"]]
    return {key: value for key, value in source.items() if key not in foreign}


Source = Annotated[AnySource, Field(discriminator="kind"), BeforeValidator(_of_one_kind)]


Section = Annotated[str, Field(pattern="^(generators|recipes|expand_mae|expand_dalle|expand_sd|train|audit)$")]


class ImagesSpec(Strict):
    """Where images come from, and how they are read."""

    source: Source
    """Where the images are."""
    seeds: Texts = Field(["train"], min_length=1)
    """Parts of the source that form the pool, from which seed images are sampled."""
    sizes: dict[str, Count] | None = None
    """Number of images that each part must have, against half-unpacked downloads; null: any."""
    classes: list[Text] | None = None
    """Class names in the order of the labels, for sources that have none."""
    names: dict[str, Text] = Field({})
    """Names in prompts for CLIP and Stable Diffusion, by class, where the cleaned name ("blue jay" for blue_jay) would
    not do; tables and exports keep the source's names."""
    exclude: list[str] = Field([])
    """Classes to leave out."""
    max_unreadable: Share = 0.01
    """Fraction of images that may be unreadable; they are left out."""
    resolution: Count = 224
    """Side in pixels at which networks see images."""
    fit: Literal["crop", "squeeze"] = "crop"
    """How images become square: crop their centre, or squeeze the whole."""
    licence: Text | None = None
    """Licence of the images, in the Hugging Face hub's spelling, for cards of exported datasets; null: not stated."""


class DatasetSpec(ImagesSpec):
    """A dataset: its images, its splits, and changes to other settings for this dataset alone."""

    validation: Texts = Field([REST])
    """Parts of the source for validation; rest: what is left of the pool."""
    test: Texts = Field([])
    """Parts of the source for testing; rest: what is left of the pool; none: the part test, or `test_share` of the pool
    if there is none."""
    seeds_per_class: Count | None = None
    """Seed images sampled per class; null: `seeds_total`, or else the whole pool."""
    seeds_total: Count | None = None
    """Seed images sampled in all, with the class proportions of the pool."""
    validation_per_class: Annotated[int, Field(ge=0)] | None = None
    """Validation images sampled per class; null: all images of the parts of `validation`."""
    test_share: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Fraction of the pool for testing, where the source has no test images."""
    split: Text | None = None
    """Index file, as `ingest` writes it, that is used instead of sampling."""
    ratio: Count = 5
    """Generated images per seed image, where the parameter `ratio` is null."""
    templates: list[Template] = Field(["a photo of a {}."], min_length=1)
    """CLIP prompt templates, with {} for the name of the class; their embeddings are averaged."""
    weed: Texts = Field([])
    """Lists (JSON, docs/weeding.md) of generated images that are left out of training and export."""
    overrides: dict[Section, dict[str, Any]] = Field({})
    """Changes for this dataset: to the settings of a pipeline, to generators and recipes by name, and to the guides of
    `train` and `audit`."""

    @property
    def draws_seeds(self) -> bool:
        return self.seeds_per_class is not None or self.seeds_total is not None

    @model_validator(mode="after")
    def one_number_of_seeds(self) -> "DatasetSpec":
        if self.seeds_per_class is not None and self.seeds_total is not None:
            raise ValueError("give either seeds_per_class or seeds_total")
        return self

    @model_validator(mode="after")
    def validation_images_are_used(self) -> "DatasetSpec":
        given = isinstance(self.source, FolderSource | ParquetSource) and self.source.val
        if given and "val" not in [*self.seeds, *self.validation, *self.test]:
            raise ValueError("source.val is given, but neither seeds, validation nor test name it: validation: val")
        return self

    @model_validator(mode="after")
    def parts_are_apart(self) -> "DatasetSpec":
        used = [*self.seeds, *(part for part in [*self.validation, *self.test] if part != REST)]
        twice = sorted({part for part in used if used.count(part) > 1})
        if twice:
            raise ValueError(f"the part {twice[0]!r} is used twice in seeds, validation and test")
        if REST in self.seeds or any(REST in parts and len(parts) > 1 for parts in (self.validation, self.test)):
            raise ValueError("'rest' stands alone, as validation or as test")
        if self.test == [REST] and not self.draws_seeds and self.split is None:
            raise ValueError("test = rest needs seeds_per_class, seeds_total or split, or nothing is left for it")
        return self
