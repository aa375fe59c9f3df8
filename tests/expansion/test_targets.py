"""The latent plan: the same bytes whatever the order, the batches and the kills; verified; used up by refusals."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from guided_imagination.config import RejectConfig
from guided_imagination.config.guidance import Guidance
from guided_imagination.expansion import expand as expanding
from guided_imagination.expansion import store, targets
from guided_imagination.expansion.augmenters import Imagination
from guided_imagination.expansion.expand import expand, expand_shard
from guided_imagination.expansion.records import verify
from guided_imagination.expansion.targets import TargetPlan
from guided_imagination.models.zero_shot import ZeroShot
from guided_imagination.utils.clock import Clock
from guided_imagination.utils.errors import InputError
from guided_imagination.utils.randomness import generator
from helpers.toy import SIDE, ToyAugmenter, ToyGuide, ToyLook, dataset, guidance, plan, prepared

LABELS = [0, 1, 0, 1, 0, 1, 2, 0]
NAMES = ["cat", "dog", "owl"]
SELECTION = {"candidates": 4, "logit_scale": 10, "exponent": 1, "bandwidth": 0.5}
GUIDANCE = Guidance(
    perturbation="manifold",
    eps=0.1,
    manifold={"tau": 1, "within": 0.5, "shrink": 0},
    steps=1,
    step_size=0.1,
    selection=SELECTION,
    criteria=guidance().criteria,
)


class Judge:
    """A linear guide; after `killed_after` calls of log_probs the process dies."""

    device = torch.device("cpu")

    def __init__(self, killed_after=None):
        self.guide, self.left = ToyGuide(), killed_after

    def log_probs(self, features, logit_scale):
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise KeyboardInterrupt
        return self.guide.log_probs(features, logit_scale)


def embedded(seeds):
    """Embeddings (N, 5) of length 3."""
    pixels = torch.from_numpy(np.stack([np.array(image) for image in seeds["image"]])).permute(0, 3, 1, 2)
    return 3 * ToyGuide().features(pixels / 255)


def make(folder, seeds=None, judge=None, **changes):
    folder.mkdir(exist_ok=True)
    aim = TargetPlan(guidance=changes.pop("guidance", GUIDANCE), ratio=2, reserve=1, seed=0)
    seeds = seeds or dataset(LABELS, NAMES)
    return targets.make(folder, seeds, replace(aim, **changes), judge or Judge(), embedded(seeds).numpy())


def test_every_seed_has_its_variants_and_spare_ones_of_its_own_length(tmp_path):
    made = make(tmp_path)
    assert made.shape == (8, 3, 5)
    np.testing.assert_allclose(np.linalg.norm(made.astype(float), axis=2), 3, rtol=1e-3)
    assert [path.name for path in tmp_path.glob("*.npy")] == [targets.FILE]


def test_the_order_of_the_seeds_changes_no_byte(tmp_path):
    seeds, order = dataset(LABELS, NAMES), [5, 2, 7, 0, 1, 6, 4, 3]
    made, shuffled = make(tmp_path / "a"), make(tmp_path / "b", seeds.select(order))
    assert np.array_equal(made[order], shuffled)
    assert seeds.select(order)["id"][:] == [seeds["id"][row] for row in order]


@pytest.mark.parametrize("calls", range(6))  # two in each of three classes
def test_killed_anywhere_and_resumed_ends_with_the_same_bytes(tmp_path, calls):
    whole = make(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        make(tmp_path / "killed", judge=Judge(killed_after=calls))
    assert not (tmp_path / "killed" / targets.FILE).exists()
    resumed = make(tmp_path / "killed")
    assert np.array_equal(whole, resumed)
    names = [folder / targets.FILE for folder in (tmp_path / "whole", tmp_path / "killed")]
    assert names[0].read_bytes() == names[1].read_bytes()


def test_a_resumed_plan_makes_no_class_twice(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        make(tmp_path, judge=Judge(killed_after=4))  # two calls per class: an ascent step and the confidence
    left = Judge(killed_after=2)  # the third class
    make(tmp_path, judge=left)
    assert left.left == 0


def test_what_a_kill_leaves_at_the_first_step_is_no_plan_and_goes(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        make(tmp_path, judge=Judge(killed_after=0))
    (tmp_path / targets.UNFINISHED).write_bytes(b"")  # begun, and without its header
    made = make(tmp_path)
    assert np.array_equal(made, make(tmp_path / "whole"))
    assert [path.name for path in tmp_path.glob("*.npy")] == [targets.FILE]


def test_a_plan_is_not_read_into_memory(tmp_path):
    assert isinstance(make(tmp_path), np.memmap)
    assert isinstance(targets.read(tmp_path), np.memmap)


def test_a_class_without_seeds_changes_nothing(tmp_path):
    """Names that a dataset of the user's has for other images."""
    labels = [0, 2, 0, 2]
    others = make(tmp_path / "a", dataset(labels, NAMES))
    label = [int(label == 2) for label in labels]
    guide = Judge()
    guide.guide.head = guide.guide.head[[0, 2, 1]]
    assert np.array_equal(make(tmp_path / "b", dataset(label, ["cat", "owl"]), guide), others)


@pytest.mark.parametrize("calls", [0, 1, 3])
def test_a_plan_that_got_lost_and_was_killed_again_is_made_from_the_start(tmp_path, calls):
    """What the journal tells of the lost file must not stand for the new one."""
    whole = make(tmp_path).copy()
    (tmp_path / targets.FILE).unlink()
    with pytest.raises(KeyboardInterrupt):
        make(tmp_path, judge=Judge(killed_after=calls))
    assert np.array_equal(make(tmp_path), whole)


def test_blocks_of_a_large_class_do_not_depend_on_other_classes(tmp_path, monkeypatch):
    monkeypatch.setattr(targets, "BLOCK", 2)
    plan_features, blocks = targets.plan_features, []
    monkeypatch.setattr(targets, "plan_features", lambda *given: blocks.append(len(given[0])) or plan_features(*given))
    made = make(tmp_path / "a")
    assert blocks == [2, 2, 2, 1, 1], "of four, three seeds and one"
    order = [6, 0, 1, 2, 3, 4, 5, 7]
    assert np.array_equal(made[order], make(tmp_path / "b", dataset(LABELS, NAMES).select(order)))


PLAIN = GUIDANCE.overridden({"selection": None, "steps": 0})


def test_without_selection_the_size_of_blocks_changes_no_feature(tmp_path, monkeypatch):
    whole = make(tmp_path / "whole", guidance=PLAIN)
    monkeypatch.setattr(targets, "BLOCK", 3)  # of four seeds of the first class
    np.testing.assert_allclose(make(tmp_path / "blocks", guidance=PLAIN), whole, atol=2e-3)


def test_every_seed_has_the_noise_of_its_id_and_of_the_run_s_seed(tmp_path):
    """In the ball, which knows no class, by the paper's formula."""
    seeds = dataset(LABELS, NAMES)
    ball = PLAIN.overridden({"perturbation": "ball", "manifold": None, "eps": 0.3, "noise": 0.5})
    made = make(tmp_path, seeds, guidance=ball, ratio=3, reserve=2, seed=7)
    assert made.shape == (8, 5, 5)
    for name, feature, variants in zip(seeds["id"], embedded(seeds).double(), made, strict=True):
        rng, unit = generator(7, name, "targets"), feature.square().mean().sqrt()
        z, b = (draw(5, 5, generator=rng).double() for draw in (torch.rand, torch.randn))
        moved = ((1 + z) * feature + 0.5 * unit * b).clamp(feature - 0.3 * unit, feature + 0.3 * unit)
        np.testing.assert_allclose(variants, moved, atol=2e-3)  # they are kept in half precision


@pytest.mark.parametrize("within", [0.0, 0.6])
def test_the_noise_of_a_class_has_its_own_covariance_and_that_of_all_classes(tmp_path, within):
    """To first order in tau, on the sphere; a class of one seed has all of the shared one."""
    tau, seeds = 0.05, dataset(LABELS, NAMES)
    manifold = {"tau": tau, "within": within, "shrink": 0}
    made = make(tmp_path, seeds, guidance=PLAIN.overridden({"manifold": manifold}), ratio=6000, reserve=0)
    unit, labels = normalize(embedded(seeds).double(), dim=1), torch.tensor(LABELS)
    apart = [unit[labels == label] - unit[labels == label].mean(0) for label in range(3)]
    shared = sum(rows.T @ rows for rows in apart) / (8 - 3)
    for row, label in ((0, 0), (1, 1), (6, 2)):
        own, x = apart[label], unit[row]
        share = within if len(own) > 1 else 0
        covariance = share * own.T @ own / max(len(own) - 1, 1) + (1 - share) * shared
        tangent = torch.eye(5).double() - x[:, None] * x
        moved = (normalize(torch.from_numpy(np.array(made[row])).double(), dim=1) - x) / tau
        expected = tangent @ covariance @ tangent
        assert (moved.T.cov() - expected).norm() < 0.08 * expected.norm()  # 6,000 draws: a few percent


def test_a_prediction_that_is_held_is_the_one_of_the_seed(tmp_path):
    labels = LABELS * 8
    seeds = dataset(labels, NAMES)
    seen = ToyGuide().log_probs(normalize(embedded(seeds), dim=1)).argmax(1)
    assert 10 < (seen == torch.tensor(labels)).sum() < 54
    climbing = PLAIN.overridden({"steps": 1})
    held = climbing.overridden({"criteria": {**climbing.criteria.model_dump(), "hold": "prediction"}})
    label, prediction = (make(tmp_path / rule.criteria.hold, seeds, guidance=rule) for rule in (climbing, held))
    same = [np.array_equal(one, other) for one, other in zip(label, prediction, strict=True)]
    assert same == (seen == torch.tensor(labels)).tolist()


def test_one_seed_per_class_is_refused_for_the_manifold_and_fine_in_the_ball(tmp_path):
    alone = dataset([0, 1, 2], NAMES)
    with pytest.raises(InputError, match="every class has only one: add seed images, or set perturbation: ball"):
        make(tmp_path / "a", alone)
    ball = GUIDANCE.model_copy(update={"perturbation": "ball", "manifold": None})
    assert make(tmp_path / "b", alone, guidance=ball).shape == (3, 3, 5)


def test_one_class_alone_works(tmp_path):
    assert np.isfinite(make(tmp_path, dataset([0, 0, 0], ["cat"]))).all()


class Decoder(ToyLook, Imagination):
    """Shows a feature as grey levels, and sees another class where `wrong` says so, by the number of the image."""

    def __init__(self, wrong=lambda number: False):
        object.__setattr__(self, "judge", Judge())
        object.__setattr__(self, "wrong", wrong)
        object.__setattr__(self, "decoded", [])

    device = Judge.device

    def embed(self, images):
        return 3 * ToyGuide().features(images)

    def log_probs(self, features, logit_scale):
        return self.judge.log_probs(features, logit_scale)

    def make(self, seeds, clock):
        self.decoded.extend(seeds.features)
        object.__setattr__(self, "labels", seeds.labels[seeds.owner])
        grey = (seeds.features[:, :3] / 6 + 0.5).clamp(0, 1)
        return ToyAugmenter().make(seeds, clock).__class__(grey[:, :, None, None].expand(-1, -1, SIDE, SIDE), {})

    def classify(self, images):
        labels = self.__dict__.pop("labels", None)
        features = normalize(self.embed(images) if images.dim() == 4 else images, dim=1)
        if labels is None:
            return ZeroShot(features, torch.full((len(images), 3), 1 / 3).log())
        first = len(self.decoded) - len(images)
        seen = torch.tensor(
            [(label + self.wrong(first + row)) % 3 for row, label in enumerate(labels.tolist())], dtype=torch.long
        )
        return ZeroShot(features, torch.where(torch.arange(3) == seen[:, None], 0.8, 0.1).log())


def planned(maker=None, **changes):
    settings = {
        "seeds": dataset(LABELS, NAMES),
        "targets": TargetPlan(GUIDANCE, ratio=2, reserve=1, seed=0),
        "seeds_per_shard": 3,
        **changes,
    }
    return plan(maker, **settings)


def test_a_refusal_takes_the_next_spare_feature_of_its_seed(tmp_path):
    made = make(tmp_path)
    maker = Decoder(wrong=lambda number: number in (0, 1))  # both variants of the first seed
    settings = planned(maker, redraws=3, reject=RejectConfig())
    table, counts = expand_shard(settings, prepared(maker, settings, made), 0, Clock())
    rows = [row for row in table.to_pylist() if row["seed_id"] == "0"]
    assert [(row["variant"], row["attempt"]) for row in rows] == [(0, 1)]  # one spare feature: the other is dropped
    assert (counts["drawn"], counts["kept"], counts["dropped"]) == (7, 5, 1)
    spare = torch.from_numpy(np.array(made[0, 2])).float()
    assert torch.equal(maker.decoded[4], spare)  # after two variants of each of the two seeds of the first batch


def test_where_nothing_is_dropped_the_best_refused_one_is_kept(tmp_path):
    made = make(tmp_path)
    maker = Decoder(wrong=lambda number: True)
    settings = planned(maker, redraws=3, reject=RejectConfig(), rejected="keep")
    table, counts = expand_shard(settings, prepared(maker, settings, made), 0, Clock())
    assert table.num_rows == 6
    assert counts["drawn"] == 9  # two variants and the spare one of each seed


def test_shards_alone_or_in_any_order_decode_the_same(tmp_path):
    made = make(tmp_path)

    def shard_of(number):
        settings = planned(Decoder())
        return expand_shard(settings, prepared(Decoder(), settings, made), number, Clock())[0]

    forward = [shard_of(shard) for shard in (0, 1, 2)]
    backward = [shard_of(shard) for shard in (2, 1, 0)]
    assert all(one.equals(other) for one, other in zip(forward, reversed(backward), strict=True))


def test_the_plan_stands_beside_the_shards_and_in_the_manifest(tmp_path):
    manifest = expand(tmp_path / "made", planned(Decoder()))
    assert [record["file"] for record in manifest["files"]] == ["seeds.npy", targets.FILE]
    for record in manifest["files"]:
        assert record["bytes"] == (tmp_path / "made" / record["file"]).stat().st_size
    assert manifest["found"]["guide"]["seeds"] == len(LABELS)
    assert verify(tmp_path / "made") == []


def test_a_damaged_plan_is_found(tmp_path):
    folder = tmp_path / "made"
    expand(folder, planned(Decoder()))
    content = bytearray((folder / targets.FILE).read_bytes())
    content[-1] ^= 1
    (folder / targets.FILE).write_bytes(content)
    assert any("targets.npy is missing or was changed" in finding for finding in verify(folder))
    (folder / targets.FILE).unlink()
    assert any("targets.npy is missing or was changed" in finding for finding in verify(folder))


def test_a_replaced_expansion_brings_its_plan(tmp_path):
    folder = tmp_path / "made"
    before = expand(folder, planned(Decoder()))["files"]
    other = planned(Decoder(), seed=1, targets=TargetPlan(GUIDANCE, 2, 1, 1), overwrite=True)
    after = expand(folder, other)["files"]
    assert before != after
    assert verify(folder) == []


def test_a_damaged_shard_is_made_again_from_the_plan_that_is_there(tmp_path, monkeypatch):
    folder = tmp_path / "made"
    expand(folder, planned(Decoder()))
    shard = next(iter(sorted(folder.glob("*.parquet"))))
    before = shard.read_bytes()
    shard.unlink()
    monkeypatch.setattr(targets, "_class", None)  # nothing is planned again
    expand(folder, planned(Decoder()))
    assert shard.read_bytes() == before


def test_the_guide_is_asked_before_anything_is_made(tmp_path):
    class Stranger(Decoder):
        def classify(self, images):
            return ZeroShot(torch.ones(len(images), 1), torch.tensor([[0.8, 0.1, 0.1]]).log().expand(len(images), -1))

    with pytest.raises(InputError, match="does not recognise these 3 classes"):
        expand(tmp_path / "made", planned(Stranger(), least_kappa=0.2))
    assert not (tmp_path / "made" / targets.FILE).exists()
    assert store.found(tmp_path / "made", "guide")["accuracy"] == 0.5
    # asked again with the same guide, it is refused again; where nothing is asked of it, the run goes on
    with pytest.raises(InputError, match="does not recognise"):
        expand(tmp_path / "made", planned(Stranger(), least_kappa=0.2))
    assert expanding.expand(tmp_path / "made", planned(Decoder()))["totals"]["kept"] == 16
