import pandas as pd
import pytest
from datasets import concatenate_datasets

import guided_imagination
from guided_imagination import InputError
from guided_imagination.api.expansions import opened, side
from guided_imagination.config import check
from guided_imagination.config.defaults import defaults
from guided_imagination.config.strict import merged
from guided_imagination.data.dataset import checksum
from guided_imagination.expansion.expand import expand
from guided_imagination.expansion.store import Expansion
from guided_imagination.pipelines.audit import audit_row
from helpers.toy import SIDE, ToyAugmenter, dataset, plan


def test_an_audit_is_the_pipeline_s(expansion, seeds, out, test_images, tmp_path):
    changes = {"compute": {"workers": {"count": 1}}}
    settings = check(merged(defaults(), changes)).row("fashion", "gif_dalle")
    theirs = audit_row(seeds, test_images, settings, tmp_path, Expansion(out))
    templates = settings.spec.templates
    ours = guided_imagination.audit(out, seeds, real=test_images, templates=templates)
    assert ours["method"].tolist() == ["original", "gif_dalle"]
    pd.testing.assert_frame_equal(ours[1:].reset_index(drop=True), theirs, check_dtype=False)
    # of the images alone all is known but what was refused on the way, and how fast it went
    alone = guided_imagination.audit(expansion, seeds, real=test_images, templates=templates)
    assert alone.loc[1, ["rejected", "images_per_second"]].isna().all()
    seen = ours.columns.drop(["rejected", "images_per_second"])
    pd.testing.assert_frame_equal(alone[seen], ours[seen], check_dtype=False)


def test_real_images_that_the_expansion_was_made_of_are_told_of(expansion, seeds, test_images, caplog):
    real = concatenate_datasets([test_images.select(range(8)), seeds.select(range(3))])
    (told,) = guided_imagination.audit(expansion, seeds, real=real).attrs["warnings"]
    assert told.startswith("3 of 11 real images have the same pixels as seeds, so what is measured on them says little")
    assert f"audit: {told}" in caplog.text
    assert guided_imagination.audit(expansion, seeds).attrs["warnings"] == []


def test_a_contact_sheet_has_a_row_per_image(expansion, seeds, out):
    sheet = guided_imagination.contact_sheet(expansion, seeds, rows=4, columns=1, title="garments")
    assert len(sheet.axes) == 8
    again = guided_imagination.contact_sheet(out, seeds, rows=4, columns=1, title="garments")
    for one, other in zip(sheet.axes, again.axes, strict=True):
        assert (one.images[0].get_array() == other.images[0].get_array()).all()
        assert [text.get_text() for text in one.texts] == [text.get_text() for text in other.texts]


def test_what_does_not_belong_together_is_refused(expansion, seeds, out, tmp_path):
    def refusal(made, images, **arguments):
        with pytest.raises(InputError) as caught:
            guided_imagination.audit(made, images, **arguments)
        assert "--params" not in str(caught.value)
        return str(caught.value)

    others = seeds.remove_columns("id")  # numbered anew
    assert "the expansion was made from images that are missing here" in refusal(expansion, others)
    assert "pass the images that it was made from" in refusal(out, others)
    assert "there is no complete expansion" in refusal(tmp_path, seeds)
    assert "no column 'seed_id'" in refusal(seeds, seeds)
    assert "the expansion is a list" in refusal([], seeds)
    assert "the expansion has no image" in refusal(expansion.select([]), seeds)
    assert "audit.guide: 'nobody' is not known; allowed: embedded_clip" in refusal(expansion, seeds, guide="nobody")


def test_a_folder_whose_first_shard_lost_every_image_is_opened(tmp_path):
    """Folders are sorted by class, and a class may be refused as a whole."""
    seeds = dataset([0, 0, 1, 1])
    own = {"seeds": seeds, "inputs": {"seeds": checksum(seeds)}}
    expand(tmp_path / "some", plan(ToyAugmenter(wrong=lambda call, labels: labels == 0), **own))
    method, folder = opened(tmp_path / "some", seeds)
    assert (method, folder.count, side(folder)) == ("toy", 4, SIDE)
    expand(tmp_path / "none", plan(ToyAugmenter(wrong=lambda call, labels: labels >= 0), **own))
    with pytest.raises(InputError, match="the expansion has no image: all of them were refused"):
        opened(tmp_path / "none", seeds)
