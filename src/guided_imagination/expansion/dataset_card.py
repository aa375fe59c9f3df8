"""The card of an exported dataset: what is in it, what made it, and under which licences."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from huggingface_hub import DatasetCard, DatasetCardData, ModelCard

UNKNOWN = "unknown"
SIZES = {1_000: "n<1K", 10_000: "1K<n<10K", 100_000: "10K<n<100K", 1_000_000: "100K<n<1M", 10_000_000: "1M<n<10M"}


def model_licence(model: str, hub: Path, known: Mapping[str, str]) -> str:
    """The licence of a model (a folder, or an id that may lie in `hub`) by its card, else by name, else "unknown"."""
    for card in (Path(model) / "README.md", hub / model / "README.md"):
        if card.exists() and (stated := ModelCard.load(card, ignore_metadata_errors=True).data.license):
            return stated
    return known.get(model, UNKNOWN)


def size_category(rows: int) -> str:
    """The hub's name of a size."""
    return next((name for limit, name in SIZES.items() if rows < limit), "10M<n<100M")


def dataset_card(
    dataset: str,
    method: str,
    rows: Mapping[str, int],
    manifest: Mapping[str, Any],
    licences: Mapping[str, str],
    names: Sequence[str],
) -> str:
    """A card in Markdown.

    rows: images by split; licences: of the "seeds", and of the "generator" if there is one.
    """
    header = DatasetCardData(
        license=_one_or_all([licence.lower() for licence in licences.values()]),
        task_categories=["image-classification"],
        size_categories=[size_category(sum(rows.values()))],
        tags=["synthetic", "guided-imagination", method],
        pretty_name=f"{dataset}, expanded by {method}",
        configs=[
            {
                "config_name": "default",
                "data_files": [{"split": split, "path": f"data/{split}-*.parquet"} for split in rows],
            }
        ],
    )
    return str(DatasetCard(f"---\n{header.to_yaml()}\n---\n{_text(dataset, method, rows, manifest, licences, names)}"))


def _one_or_all(licences: Sequence[str]) -> str | list[str]:
    different = list(dict.fromkeys(licences))
    return different[0] if len(different) == 1 else different


def _text(
    dataset: str,
    method: str,
    rows: Mapping[str, int],
    manifest: Mapping[str, Any],
    licences: Mapping[str, str],
    names: Sequence[str],
) -> str:
    made, totals = manifest["fingerprint"], manifest["totals"]
    real = rows["train"] - totals["kept"]
    test = f", and the {rows['test']:,} real test images" if "test" in rows else ""
    models = [f"- **{key.capitalize()}**: `{made[key]}`" for key in ("generator", "guide") if key in made]
    terms = [f"- **Licence of the {what}**: {licence}" for what, licence in licences.items()]
    refused = {name: count for name, count in totals.items() if name not in ("drawn", "kept", "dropped")}
    reasons = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in refused.items())
    return f"""# {dataset}, expanded by {method}

{real:,} real seed images and {totals["kept"]:,} images made of them (split `train`, column `generated`){test}; \
{len(names)} classes: {", ".join(names)}.

A generated image has the label of its seed (`seed_id`); nobody has checked it by eye. `method`, `variant`, `attempt`
and `random_seed` say how it was made, the other columns what the guide saw in it.

## Provenance
- **Made by**: Guided Imagination, method `{method}`
{chr(10).join([*models, *terms])}
- **Ratio**: {made["ratio"]} new images per seed image
- **Drawn**: {totals["drawn"]:,} images, of which refused: {reasons or "none"}; kept {totals["kept"]:,}
- **Started**: {manifest["started"]}

Everything that shaped the images:

```json
{json.dumps(made, indent=2, ensure_ascii=False)}
```
"""
