"""What training and the nodes ask of an expansion: its images, and what they were made of."""

import json
import re

import pytest

from guided_imagination.config.expansion import ExportConfig
from guided_imagination.config.report import ReportConfig
from guided_imagination.data.dataset import checksum
from guided_imagination.expansion.expand import expand
from guided_imagination.expansion.store import Expansion
from guided_imagination.pipelines import export
from guided_imagination.pipelines.audit import audit_row
from guided_imagination.pipelines.report.nodes import draw_contact_sheet
from guided_imagination.training.sources import Variants
from guided_imagination.utils.errors import InputError
from helpers.settings import row
from helpers.stores import made_of
from helpers.toy import ToyAugmenter, dataset, plan

SEEDS, OTHERS = dataset([0, 1, 0, 1]), dataset([0, 1, 1, 1])


def test_an_expansion_is_what_training_takes_as_variants(tmp_path):
    variants: Variants = made_of(SEEDS, tmp_path)
    assert variants.count == 8
    assert variants.seeds_checksum == checksum(SEEDS)
    first, second = variants.parts()
    assert first["variant"] == second["variant"] == [0, 1, 0, 1]
    assert [*first["label"], *second["label"]] == [0, 0, 1, 1] * 2


def test_the_checksum_knows_the_shards_too(tmp_path):
    """Images that were made again, on another machine say, are others although nothing was asked for otherwise."""
    for name in "ab":
        expand(tmp_path / name, plan(ToyAugmenter()))
    path = tmp_path / "b" / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["shards"][0]["checksum"] = "0" * 64
    path.write_text(json.dumps(manifest))
    assert Expansion(tmp_path / "a").checksum != Expansion(tmp_path / "b").checksum


def test_an_expansion_of_other_seeds_is_refused(tmp_path):
    made = made_of(SEEDS, tmp_path)
    made.check_made_of(SEEDS)
    sentence = f"{tmp_path} was made from other seed images: run its pipeline with --params overwrite=true"
    with pytest.raises(InputError, match=re.escape(sentence)):
        made.check_made_of(OTHERS)


@pytest.mark.parametrize("node", ["audit", "export", "contact sheet"])
def test_no_node_takes_an_expansion_of_other_seeds(tmp_path, node):
    made = made_of(SEEDS, tmp_path / "made")
    nodes = {
        "audit": lambda: audit_row(OTHERS, OTHERS, row(), tmp_path, made),
        "export": lambda: export.export(OTHERS, OTHERS, made, ExportConfig.model_construct(), row()),
        "contact sheet": lambda: draw_contact_sheet(
            seeds=OTHERS, expanded=made, config=ReportConfig.model_construct(), title=""
        ),
    }
    with pytest.raises(InputError, match="was made from other seed images"):
        nodes[node]()
