from dataclasses import replace
from io import BytesIO

import pytest
import torch
from PIL import Image

from guided_imagination.config import RejectConfig
from guided_imagination.data.dataset import to_tensors
from guided_imagination.expansion.augmenters import Augmentation, Imagination
from guided_imagination.expansion.expand import expand_shard
from guided_imagination.generators.base import SeedBatch
from guided_imagination.imagination.imagine import Imagined
from guided_imagination.models.device import CPU, Batches
from guided_imagination.models.zero_shot import ZeroShot, ZeroShotClassifier
from guided_imagination.utils.clock import Clock
from guided_imagination.utils.seeding import derive_seed
from helpers.toy import SIDE, ToyAugmenter, ToyGenerator, ToyGuide, ToyLook, dataset, guidance, plan, prepared


def expand(maker, shard=0, **changes):
    settings = plan(maker, **changes)
    table, counts = expand_shard(settings, prepared(maker, settings), shard, Clock())
    return table.to_pylist(), counts


class Scripted(ToyLook):
    """One image per attempt, of which it sees the given probability of class 0 and cosine with the seed."""

    def __init__(self, *attempts):
        self.seen = [(0.5, 1.0), *attempts]  # the seeds come first

    def make(self, seeds, clock):
        return Imagined(torch.full((len(seeds), 3, SIDE, SIDE), 0.1 * len(self.seen)), {})

    def classify(self, images):
        probability, cosine = self.seen.pop(0)
        features = torch.tensor([[cosine, (1 - cosine**2) ** 0.5]])
        return ZeroShot(features, torch.tensor([[probability, 1 - probability]]).log())


def attempt_kept(*attempts, reject, rejected="keep"):
    """Which of the attempts at one variant of one seed of class 0 is written (None: dropped), and the counts."""
    settings = {"seeds": dataset([0]), "ratio": 1, "redraws": len(attempts) - 1, "rejected": rejected}
    rows, counts = expand(Scripted(*attempts), reject=RejectConfig(**reject), **settings)
    return (rows[0]["attempt"] if rows else None), counts


def pixels(rows):
    return {(row["seed_id"], row["variant"]): row["image"]["bytes"] for row in rows}


def test_every_seed_gets_ratio_rows_in_order():
    rows, _ = expand(ToyAugmenter(), seeds_per_shard=4, seeds_per_batch=3, ratio=3)
    assert [(row["seed_id"], row["variant"]) for row in rows] == [(str(s), v) for s in range(4) for v in range(3)]


def test_a_shard_holds_its_block_of_seeds():
    rows, _ = expand(ToyAugmenter(), shard=1, seeds=dataset([0, 1, 0]), seeds_per_shard=2)
    assert [row["seed_id"] for row in rows] == ["2", "2"]


def test_a_record_says_where_it_comes_from():
    rows, _ = expand(ToyAugmenter(), seed=5)
    row = rows[3]  # second variant of the second seed
    seed = row.pop("random_seed")
    assert row.pop("label_probability") == pytest.approx(0.9)
    assert 0 < row.pop("seed_similarity") < 1
    assert row.pop("image")["bytes"].startswith(b"\x89PNG")
    assert row == {
        "label": 1,
        "seed_id": "1",
        "variant": 1,
        "method": "toy",
        "consistency": 1,
        "entropy": 2,
        "diversity": 3,
        "latent_scale": 0.5,
        "latent_cosine": 0.5,
        "prediction": 1,
        "attempt": 0,
    }
    assert seed == derive_seed(5, "1", 1, 0)


def test_a_rejected_variant_is_drawn_again_until_it_keeps_its_class():
    maker = ToyAugmenter(wrong=lambda call, labels: torch.full_like(labels, call < 2, dtype=torch.bool))
    rows, counts = expand(maker, redraws=4)
    assert [row["attempt"] for row in rows] == [2] * 4
    assert all(row["prediction"] == row["label"] for row in rows)
    assert counts == {"drawn": 12, "lost_class": 8, "near_copy": 0, "kept": 4, "dropped": 0}


def test_only_rejected_variants_are_drawn_again():
    maker = ToyAugmenter(wrong=lambda call, labels: (labels == 1) & (call < 1))
    rows, counts = expand(maker, redraws=1)
    assert [(row["seed_id"], row["attempt"]) for row in rows] == [("0", 0), ("0", 0), ("1", 1), ("1", 1)]
    assert counts == {"drawn": 6, "lost_class": 2, "near_copy": 0, "kept": 4, "dropped": 0}
    untroubled, _ = expand(ToyAugmenter())
    assert pixels(rows)["0", 1] == pixels(untroubled)["0", 1]


def test_another_attempt_is_another_image():
    late = ToyAugmenter(wrong=lambda call, labels: torch.full_like(labels, call < 1, dtype=torch.bool))
    assert pixels(expand(late, redraws=1)[0])["0", 0] != pixels(expand(ToyAugmenter())[0])["0", 0]


def test_what_never_keeps_its_class_is_dropped():
    maker = ToyAugmenter(wrong=lambda call, labels: labels == 1)
    rows, counts = expand(maker, redraws=2, rejected="drop")
    assert [row["seed_id"] for row in rows] == ["0", "0"]
    assert counts == {"drawn": 8, "lost_class": 6, "near_copy": 0, "kept": 2, "dropped": 2}


def test_or_kept_with_its_prediction_and_counted_so_that_every_seed_has_its_ratio():
    maker = ToyAugmenter(wrong=lambda call, labels: labels == 1)
    rows, counts = expand(maker, redraws=2, rejected="keep")
    assert [(row["label"], row["prediction"]) for row in rows] == [(0, 0)] * 2 + [(1, 0)] * 2
    assert counts == {"drawn": 8, "lost_class": 6, "near_copy": 0, "kept": 4, "dropped": 0}


def test_of_attempts_that_lost_their_class_the_most_probable_is_kept():
    kept, counts = attempt_kept((0.1, 0.5), (0.4, 0.5), (0.3, 0.5), reject={})
    assert kept == 1
    assert counts == {"drawn": 3, "lost_class": 3, "near_copy": 0, "kept": 1, "dropped": 0}


def test_of_near_copies_the_farthest_is_kept_before_any_that_lost_its_class():
    kept, counts = attempt_kept((0.4, 0.1), (0.9, 0.99), (0.7, 0.97), (0.9, 0.98), reject={"max_seed_similarity": 0.95})
    assert kept == 2
    assert counts == {"drawn": 4, "lost_class": 1, "near_copy": 3, "kept": 1, "dropped": 0}


def test_a_near_copy_is_drawn_again_only_if_asked():
    attempts = (0.9, 0.97), (0.9, 0.5)
    assert attempt_kept(*attempts, reject={"max_seed_similarity": 0.95})[0] == 1
    assert attempt_kept(*attempts, reject={"max_seed_similarity": 0.98})[0] == 0
    assert attempt_kept(*attempts, reject={})[0] == 0


def test_the_label_has_to_be_as_probable_as_asked():
    attempts = (0.6, 0.5), (0.8, 0.5)
    assert attempt_kept(*attempts, reject={"min_label_probability": 0.7})[0] == 1
    assert attempt_kept(*attempts, reject={"min_label_probability": 0.9}, rejected="drop") == (
        None,
        {"drawn": 2, "lost_class": 2, "near_copy": 0, "kept": 0, "dropped": 1},
    )


def test_the_check_of_the_class_can_be_turned_off():
    kept, counts = attempt_kept((0.1, 0.5), (0.9, 0.5), reject={"other_class": False})
    assert kept == 0
    assert counts["lost_class"] == 0


def test_a_copy_of_the_seed_has_similarity_one():
    maker = ToyAugmenter()
    maker.make = lambda seeds, clock: Imagined(seeds.images[seeds.owner], {})
    rows, _ = expand(maker, reject=RejectConfig(other_class=False))
    assert [row["seed_similarity"] for row in rows] == pytest.approx([1.0] * 4)


def test_batches_and_shards_never_change_an_image():
    together, _ = expand(ToyAugmenter(), seeds_per_shard=4, seeds_per_batch=4)
    apart = [
        row for shard in range(4) for row in expand(ToyAugmenter(), shard, seeds_per_shard=1, seeds_per_batch=1)[0]
    ]
    assert together == apart


def test_the_order_of_seeds_never_changes_an_image():
    seeds = dataset([0, 1, 0, 1])
    forward, _ = expand(ToyAugmenter(), seeds_per_shard=4)
    backward, _ = expand(ToyAugmenter(), seeds=seeds.select([3, 2, 1, 0]), seeds_per_shard=4)
    assert pixels(forward) == pixels(backward)


def test_another_run_seed_gives_other_images():
    first, second = pixels(expand(ToyAugmenter(), seed=0)[0]), pixels(expand(ToyAugmenter(), seed=1)[0])
    assert all(first[key] != second[key] for key in first)


def test_an_augmentation_has_neither_criteria_nor_prediction():
    rows, counts = expand(Augmentation(lambda images, rngs: 1 - images), ratio=1)
    unseen = ("prediction", "entropy", "label_probability", "seed_similarity")
    assert [[row["label"], *(row[name] for name in unseen)] for row in rows] == [[0, *[None] * 4], [1, *[None] * 4]]
    assert counts["kept"] == 2


def test_an_augmentation_transforms_each_variants_own_seed():
    images = torch.tensor([0.0, 0.25]).view(2, 1, 1, 1)
    batch = SeedBatch(images, torch.tensor([0, 1]), torch.tensor([1, 0, 1]), [None] * 3)
    made = Augmentation(lambda images, rngs: 1 - images).make(batch, Clock())
    assert made.images.flatten().tolist() == [0.75, 1.0, 0.75]


class Watched(ToyAugmenter):
    """Knows of each call how many kept siblings every seed had."""

    def __init__(self, wrong):
        super().__init__(wrong)
        self.siblings = []

    def make(self, seeds, clock):
        kept = seeds.siblings
        self.siblings.append(None if kept is None else (kept.count.tolist(), kept.sum.flatten(1).sum(1).tolist()))
        return replace(super().make(seeds, clock), features=torch.ones(len(seeds), 2) * (1 + len(self.siblings)))


def test_redrawn_variants_know_their_kept_siblings():
    # of the three variants of one seed the first is kept at once, the second at the second attempt
    wrong = iter([torch.tensor([False, True, True]), torch.tensor([False, True]), torch.tensor([True])])
    watched = Watched(lambda call, labels: next(wrong))
    expand(watched, seeds=dataset([0]), seeds_per_shard=1, ratio=3, redraws=2)
    assert watched.siblings == [None, ([1], [4.0]), ([2], [10.0])]  # features (2, 2), then (3, 3)


def test_imagination_writes_variants_within_the_ball():
    guide = ToyGuide(classes=2)
    settings = guidance(eps=0.1)
    look = ZeroShotClassifier(guide, settings.criteria.logit_scale, CPU, Batches(3))
    maker = Imagination(ToyGenerator(guide), look, settings)
    seeds = dataset([0, 1])
    rows, _ = expand(maker, seeds=seeds, rejected="keep")
    images, _ = to_tensors(seeds)
    assert len(rows) == 4
    for row in rows:
        made = to_tensors([{"image": Image.open(BytesIO(row["image"]["bytes"])), "label": 0}])[0][0]
        assert made.shape == (3, SIDE, SIDE)
        change = (made.int() - images[int(row["seed_id"])].int()).abs()
        assert 0 < change.max() <= 0.1 * 255 + 0.5  # and rounding to whole grey levels
        assert 0 <= row["consistency"] <= 1


def test_seeds_are_brought_to_the_resolution():
    rows, _ = expand(ToyAugmenter(), seeds=dataset([0, 1], side=9), resolution=6)
    assert Image.open(BytesIO(rows[0]["image"]["bytes"])).size == (6, 6)


@pytest.mark.parametrize("source", ["trainedAlgorithmicMedia", "algorithmicallyEnhanced"])
def test_every_stored_image_says_how_it_came_about(source):
    rows, _ = expand(ToyAugmenter(), digital_source=source)
    packets = [Image.open(BytesIO(row["image"]["bytes"])).info["xmp"].decode() for row in rows]
    assert [f'DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/{source}"' in p for p in packets] == (
        [True] * 4
    )
