"""The card of an exported dataset: what is in it, what made it, and under which licences."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from huggingface_hub import DatasetCard, DatasetCardData, ModelCard

from guided_imagination.utils.errors import InputError, Remedy
from guided_imagination.utils.markdown import code, escaped

NOT_STATED, UNKNOWN = "not stated", "unknown"  # for people, and the hub's word
SIZES = {1_000: "n<1K", 10_000: "1K<n<10K", 100_000: "10K<n<100K", 1_000_000: "100K<n<1M", 10_000_000: "1M<n<10M"}
HOW = {  # by the kind of generator
    "mae": "a masked autoencoder reconstructed the seed image from a changed latent",
    "unclip": "an unCLIP decoder drew an image for a CLIP embedding near that of the seed image",
    "stable_unclip": "Stable unCLIP drew an image for a CLIP embedding near that of the seed image",
    "stable_diffusion": "Stable Diffusion painted over the seed image, prompted by the name of its class",
}


def model_licence(model: str, hub: Path, known: str | None) -> str | None:
    """The licence of a model (a folder, or an id that may lie in `hub`) by its card, else what is `known` of it."""
    for card in (Path(model) / "README.md", hub / model / "README.md"):
        if card.exists() and (stated := ModelCard.load(card, ignore_metadata_errors=True).data.license):
            return stated
    return known


def size_category(rows: int) -> str:
    """The hub's name of a size."""
    return next((name for limit, name in SIZES.items() if rows < limit), "10M<n<100M")


def dataset_card(
    dataset: str,
    method: str,
    rows: Mapping[str, int],
    manifest: Mapping[str, Any],
    licences: Mapping[str, str | None],
    names: Sequence[str],
    *,
    parquet: bool = True,
    weeded: int = 0,
) -> str:
    """A card in Markdown.

    rows: images by split; licences: of the "seeds", and of the "generator" if there is one, None where nobody states
    it; parquet: whether the images are in `data/<split>-*.parquet`; weeded: how many images someone who looked at them
    has left out.
    """
    files = [{"split": split, "path": f"data/{split}-*.parquet"} for split in rows]
    header = DatasetCardData(
        license=_one_or_all([(licence or UNKNOWN).lower() for licence in licences.values()]),
        task_categories=["image-classification"],
        size_categories=[size_category(sum(rows.values()))],
        tags=["synthetic", "guided-imagination", method],
        pretty_name=f"{dataset}, expanded by {method}",
        configs=[{"config_name": "default", "data_files": files}] if parquet else None,
    )
    return str(
        DatasetCard(f"---\n{header.to_yaml()}\n---\n{_text(dataset, method, rows, manifest, licences, names, weeded)}")
    )


def _one_or_all(licences: Sequence[str]) -> str | list[str]:
    different = list(dict.fromkeys(licences))
    return different[0] if len(different) == 1 else different


def _text(
    dataset: str,
    method: str,
    rows: Mapping[str, int],
    manifest: Mapping[str, Any],
    licences: Mapping[str, str | None],
    names: Sequence[str],
    weeded: int,
) -> str:
    made, totals = manifest["fingerprint"], manifest["totals"]
    if "inputs" not in made:
        raise InputError(
            f"{dataset}.{method} was made by version {made['code']}, whose fingerprints have no parts", Remedy.REPLACE
        )
    new = totals["kept"] - weeded
    real = rows["train"] - new
    filters = [*_filters(made, totals), *([f"Of the kept ones, weeded by eye: {weeded:,}."] if weeded else [])]
    checked = (
        f"of {totals['kept']:,}, someone has looked and weeded {weeded:,}" if weeded else "nobody has checked it by eye"
    )
    test = f", and the {rows['test']:,} real test images" if "test" in rows else ""
    inputs = made["inputs"]
    models = [f"- **{key.capitalize()}**: {code(str(inputs[key]))}" for key in ("generator", "guide") if key in inputs]
    terms = [f"- **Licence of the {what}**: {escaped(licence or NOT_STATED)}" for what, licence in licences.items()]
    return f"""# {escaped(dataset)}, expanded by {escaped(method)}

{real:,} real seed images and {new:,} images made of them (split `train`, column `generated`){test}; \
{len(names)} classes: {", ".join(map(escaped, names))}.{_told(made)}

**The {new:,} made images are synthetic**, no photographs.{_marked(made)}

A made image has the label of its seed (`seed_id`); {checked}. `method`, `variant`, `attempt`
and `random_seed` say how it was made, the other columns what the guide saw in it.

## How the images were made
{_how(method, made)}

## Filters
{chr(10).join(f"- {line}" for line in filters)}

## Provenance
- **Made by**: Guided Imagination {made["code"]}, method {code(method)}
{chr(10).join([*models, *terms])}
- **Ratio**: {made["ratio"]} new images per seed image
- **Started**: {manifest["started"]}

`manifest.json` has the settings and the checksums of everything that was made. `guided-imagination reproduce FOLDER
--out NEW` makes it again from them; with `--check`, it fails unless the same bytes come out.

Everything that shaped the images:

```json
{json.dumps(made, indent=2, ensure_ascii=False)}
```
"""


def _told(made: Mapping[str, Any]) -> str:
    words = ", ".join(map(escaped, made["settings"].get("guide", {}).get("words", [])))
    return f" CLIP was told, in the same order: {words}." if words else ""


def _marked(made: Mapping[str, Any]) -> str:
    source = made.get("digital_source")
    return f" Each of their files says so in XMP: IPTC's `DigitalSourceType` is {code(source)}." if source else ""


def _how(method: str, made: Mapping[str, Any]) -> str:
    settings, inputs = made["settings"], made["inputs"]
    if "generator" not in inputs:
        return f"The classical augmentation {code(method)} altered the seed images; no network made them."
    maker = HOW.get(settings["generator"]["kind"], "a generative model made an image of the seed image")
    tuned = ", after it was fine-tuned on the seed images" if "adapted weights" in inputs else ""
    chosen = [
        *(["moved by gradient ascent on what the guide sees"] if settings["guidance"].get("steps") else []),
        *(["selected among candidates by the guide"] if settings["guidance"].get("selection") else []),
    ]
    guided = f"What was decoded was {' and '.join(chosen)}." if chosen else "Nothing guided it."
    return f"For each, {maker}{tuned}. {guided}"


def _filters(made: Mapping[str, Any], totals: Mapping[str, int]) -> list[str]:
    """A sentence for each filter that ran, what they did, and which did not run."""
    asked = {
        "other_class": "The guide has to see the class of the seed in an image.",
        "min_label_probability": "The guide has to give that class at least the probability {}.",
        "max_seed_similarity": "An image must not nearly be a copy of its seed: their CLIP cosine is at most {}.",
    }
    filtered = made["filter"]
    ran = [text.format(filtered[name]) for name, text in asked.items() if filtered.get(name) not in (None, False)]
    refused = {name: count for name, count in totals.items() if name not in ("drawn", "kept", "dropped")}
    reasons = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in refused.items())
    then = {"drop": "dropped", "keep": "kept, the best of its attempts"}[filtered["rejected"]]
    did = [
        f"Of {totals['drawn']:,} drawn images refused: {reasons or 'none'}; kept {totals['kept']:,}. What was refused "
        f"was drawn again up to {filtered['redraws']} times, then {then}."
    ]
    looked = "No safety filter has looked at them."
    return [*(ran + did if ran else [f"None asked for a class or a difference: kept {totals['kept']:,}."]), looked]
