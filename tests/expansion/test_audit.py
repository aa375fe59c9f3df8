import math

import pytest
import torch

from guided_imagination.data.dataset import to_tensors
from guided_imagination.expansion import audit_row
from guided_imagination.expansion.audit import (
    COLUMNS,
    Reference,
    View,
    audit,
    costs,
    markdown,
    reference,
    statistics,
    table,
    view,
)
from guided_imagination.expansion.expand import expand
from guided_imagination.expansion.store import Expansion
from guided_imagination.imagination.criteria import entropy
from guided_imagination.models.device import CPU, Batches
from guided_imagination.models.zero_shot import ZeroShotClassifier
from helpers import settings
from helpers.names import ODD
from helpers.reading import Read
from helpers.toy import SIDE, ToyAugmenter, ToyGuide, dataset, plan

E1, E2 = torch.eye(2)
HALF, SURE = [0.5, 0.5], [1 - 1e-12, 1e-12]


def look(images):
    return ZeroShotClassifier(ToyGuide(classes=2), 100, CPU, Batches(3))(images)


def seen(features, probabilities, labels, ids):
    log_probs = torch.tensor(probabilities, dtype=torch.double).log()
    return View(torch.stack(features), entropy(log_probs), log_probs.argmax(1) == torch.tensor(labels), ids)


def known(seeds, *real):
    return Reference(seeds, torch.stack(real) if real else torch.zeros(0, 2))


def row_of(seeds, validation, expanded, most=100):
    compared = reference(seeds, validation, look, SIDE, 2, most)
    return audit(compared, expanded, look, SIDE, 0.95, 2, most)


@pytest.fixture
def seeds():
    return seen([E1, E2], [SURE, HALF], [0, 1], ["a", "b"])


def test_a_row_worked_out_by_hand(seeds):
    probabilities = [HALF, [0.4, 0.6], [0.1, 0.9], [0.9, 0.1]]
    images = seen([E1, (3 * E1 + 4 * E2) / 5, E2, -E1], probabilities, [0, 0, 1, 1], ["a", "a", "b", "b"])
    row = statistics(images, known(seeds), near_duplicate=0.9)
    assert row["images"] == 4
    assert row["label_agreement"] == 0.5  # the first and the third; a tie is for the first class
    assert row["diversity"] == pytest.approx(((1 - 0.6) + 1) / 2)
    assert row["seed_similarity"] == pytest.approx((1 + 0.8 + 1 + 0) / 4)
    assert row["near_duplicates"] == 0.5

    def binary(p):
        return -p * math.log(p) - (1 - p) * math.log(1 - p)

    gain = binary(0.5) + binary(0.4) + 2 * (binary(0.1) - math.log(2))
    assert row["entropy_gain"] == pytest.approx(gain / 4)
    assert row["fid"] is row["kid"] is None


def test_the_seeds_own_row_looks_for_other_seeds(seeds):
    row = statistics(seeds, known(seeds, E1, E2), near_duplicate=0.9)
    assert row["entropy_gain"] == 0
    assert row["diversity"] is None
    assert row["seed_similarity"] == row["near_duplicates"] == 0
    assert row["fid"] == pytest.approx(0, abs=1e-6)


def test_rejected_is_the_share_of_what_was_drawn():
    totals = {"drawn": 20, "lost_class": 3, "near_copy": 2, "kept": 15, "dropped": 1}
    assert costs({"totals": totals, "images_per_second": 7.5}) == {"rejected": 0.25, "images_per_second": 7.5}


def test_a_view_does_not_depend_on_blocks():
    rows = dataset([0, 1, 0, 1, 1])
    whole, parts = (view(rows, look, SIDE, "id", block) for block in (5, 2))
    assert whole.ids == parts.ids == ["0", "1", "2", "3", "4"]
    assert whole.agrees.tolist() == parts.agrees.tolist()
    torch.testing.assert_close(whole.features, parts.features)


def test_a_view_holds_one_block_of_images_in_memory():
    rows = list(dataset([0, 1, 0]))
    given = []

    def stream():
        for row in rows:
            given.append(row)
            yield row

    def watched(images):
        assert len(given) <= 2 * len(looks) + 2
        looks.append(len(images))
        return look(images)

    looks: list[int] = []
    view(stream(), watched, SIDE, "id", block=2)
    assert looks == [2, 1]


def test_an_expansion_on_disk_is_audited(tmp_path):
    expand(tmp_path, plan(ToyAugmenter(wrong=lambda call, labels: labels == 1)))
    seeds = dataset([0, 1, 0, 1])
    row = row_of(seeds, dataset([0, 1, 0]), Expansion(tmp_path))
    assert row["images"] == 4  # those of class 1 were dropped
    assert row["rejected"] == 0.5
    assert {"method", *row} == set(COLUMNS)
    assert all(math.isfinite(value) for value in row.values())


def test_an_expansion_that_lost_every_image_has_a_row_all_the_same(tmp_path):
    expand(tmp_path, plan(ToyAugmenter(wrong=lambda call, labels: labels >= 0)))
    row = row_of(dataset([0, 1, 0, 1]), dataset([0, 1]), Expansion(tmp_path))
    assert (row["images"], row["rejected"]) == (0, 1)


def test_without_validation_images_there_is_no_fid(tmp_path):
    row = row_of(dataset([0, 1]), dataset([0, 1]).select([]), None)
    assert row["fid"] is row["kid"] is None
    assert row["images"] == 2


def test_of_many_images_all_variants_of_some_seeds_are_looked_at(tmp_path):
    expand(tmp_path, plan(ToyAugmenter()))  # two variants of each of four seeds
    seeds, given = dataset([0, 1, 0, 1]), []

    def watched(images):
        given.append(len(images))
        return look(images)

    compared = reference(seeds, dataset([0] * 9), look, SIDE, 2, most=4)
    assert len(compared.real) == 3
    row = audit(compared, Expansion(tmp_path), watched, SIDE, 0.95, block=10, most=4)
    assert given == [4]
    assert row["images"] == 8
    assert row["diversity"] > 0


def test_a_reference_is_kept_under_the_key_of_what_it_is_of(tmp_path):
    compared = reference(dataset([0, 1, 1]), dataset([0, 1]), look, SIDE, 2, most=9)
    assert Reference.load(tmp_path / "seen.npz", "abc") is None
    compared.save(tmp_path / "seen.npz", "abc")
    again = Reference.load(tmp_path / "seen.npz", "abc")
    assert again.seeds.ids == compared.seeds.ids
    assert torch.equal(again.seeds.features, compared.seeds.features)
    assert torch.equal(again.real, compared.real)
    assert Reference.load(tmp_path / "seen.npz", "xyz") is None


def test_the_markdown_has_shares_in_percent_and_blanks_for_what_is_missing():
    rows = [{"method": "original", "images": 2}, {"method": "gif", "images": 4, "rejected": 0.125, "kid": 0.5}]
    lines = markdown(table(rows)).splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    by_name = [dict(zip(cells[0], row, strict=True)) for row in cells[2:]]
    assert by_name[0]["rejected"] == by_name[0]["kid"] == ""
    assert (by_name[1]["rejected"], by_name[1]["kid"], by_name[1]["images"]) == ("12.5%", "0.500", "4")


def test_other_words_for_the_same_classes_are_looked_at_anew(tmp_path, monkeypatch):
    """CLIP is asked about other words, though the images are the same."""
    asked = []

    def classifier(guide, names, *rest):
        asked.append(names)
        return look

    monkeypatch.setattr(audit_row, "load_zero_shot", classifier)
    monkeypatch.setattr(audit_row, "model_checksum", lambda *which: "abc")
    looked = []
    original = audit_row.audit.reference
    monkeypatch.setattr(audit_row.audit, "reference", lambda *all_: looked.append(1) or original(*all_))
    for names in (["cat", "dog"], ["cat", "dog"], ["cat", "wolf"]):
        seeds = dataset([0, 1], names=names)
        audit_row.audit_rows(seeds, seeds, settings.row(), {"original": None}, tmp_path)
    assert len(looked) == 2
    changed = settings.row(spec=settings.SPEC.overridden({"names": {"001.big_cat": "lion"}}))
    seeds = dataset([0, 1], names=["001.big_cat", "sea_lion"])
    audit_row.audit_rows(seeds, seeds, changed, {"original": None}, tmp_path)
    assert asked[-1] == ["lion", "sea lion"]
    assert len(looked) == 3


def test_a_head_of_the_seeds_audits_classes_that_no_text_encoder_knows(tmp_path, monkeypatch):
    """A guide whose texts name the wrong class agrees with no label, its head of the seeds with all of them."""
    guide = ToyGuide(classes=2)
    seeds = dataset([0, 1] * 8, names=["part 1", "part 2"])
    guide.head = guide.features(to_tensors(seeds)[0][:2] / 255)
    labels = guide.predict(to_tensors(seeds)[0] / 255)
    wrong = seeds.remove_columns("label").add_column("label", (1 - labels).tolist()).cast(seeds.features)
    classify = ZeroShotClassifier(guide, 100, CPU, Batches(3))
    monkeypatch.setattr(audit_row, "load_zero_shot", lambda *asked: classify)
    agreements = []
    for head in ("text", "seeds"):
        own = settings.row(audit=settings.AUDIT["audit"].overridden({"head": head}))
        row = audit_row.audit_rows(wrong, wrong, own, {"original": None}, None).iloc[0]
        agreements.append(row["label_agreement"])
    assert agreements[0] == 0
    assert agreements[1] > 0.9


def test_seeds_that_lost_all_their_images_leave_the_numbers_out(tmp_path):
    """Of many seeds some are looked at; it can be those of which every image was refused."""
    only_last = ToyAugmenter(wrong=lambda call, labels: labels == 0)
    seeds = dataset([0, 1])
    expand(tmp_path, plan(only_last, seeds=seeds))
    found = audit(reference(seeds, seeds, look, SIDE, 8, 8), Expansion(tmp_path), look, SIDE, 0.9, 8, 1)
    assert found["images"] == 2
    assert "label_agreement" not in found


def test_names_of_any_kind_keep_their_cells():
    read = Read(markdown(table([{"method": name, "images": 2} for name in ODD])))
    assert [row[:2] for row in read.rows[1:]] == [[name, "2"] for name in ODD]
    assert {len(row) for row in read.rows} == {len(COLUMNS)}
