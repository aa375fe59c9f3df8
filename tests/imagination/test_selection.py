import itertools
import math

import pytest
import torch
from torch.nn.functional import log_softmax, normalize

from guided_imagination.config.guidance import Guidance
from guided_imagination.imagination.candidates import plan_features
from guided_imagination.imagination.manifold import ClassShape
from guided_imagination.imagination.selection import ascend, select
from guided_imagination.utils.randomness import generator
from helpers.toy import guidance

HEAD = normalize(torch.randn(3, 5, generator=generator("head")).double(), dim=1)


def log_probs(features, logit_scale):
    return log_softmax(logit_scale * features @ HEAD.T, dim=1)


def points(*shape):
    return normalize(torch.randn(*shape, 5, generator=generator("points", *shape)).double(), dim=-1)


def on_circle(*degrees):
    angles = torch.tensor(degrees).double().deg2rad()
    return torch.stack([angles.cos(), angles.sin()], -1)


def test_an_ascent_raises_the_probability_of_the_held_class_and_keeps_the_length():
    features, held = 7 * points(20), torch.arange(20) % 3
    before = log_probs(normalize(features, dim=1), 10).gather(1, held[:, None])
    moved = ascend(features, held, log_probs, 10, steps=3, step_size=0.05)
    after = log_probs(normalize(moved, dim=1), 10).gather(1, held[:, None])
    assert (after > before).all()
    torch.testing.assert_close(moved.norm(dim=1), torch.full((20,), 7.0).double())


def test_a_step_goes_along_the_sphere_by_its_share_of_the_length():
    """The gradient of a function of the direction alone is a tangent, so one step turns by atan(step size)."""
    features = points(20)
    moved = ascend(features, torch.zeros(20, dtype=torch.long), log_probs, 10, steps=1, step_size=0.1)
    torch.testing.assert_close((moved * features).sum(1), torch.full((20,), math.cos(math.atan(0.1))).double())


def test_no_step_changes_nothing():
    features = points(4)
    assert torch.equal(ascend(features, torch.zeros(4, dtype=torch.long), log_probs, 10, 0, 0.1), features)


def test_the_farthest_of_equally_sure_candidates_is_taken_first():
    seeds, candidates = on_circle(0.0), on_circle(10.0, 80.0, 40.0)[None]
    taken = select(candidates, torch.ones(1, 3), seeds, 3, 0.5, 1)
    # 80 is farthest from the seed at 0; then 40 lies 40 from both; 10 is left
    assert taken.tolist() == [[1, 2, 0]]


def test_confidence_outweighs_distance_as_its_exponent_grows():
    seeds, candidates = on_circle(0.0), on_circle(30.0, 60.0)[None]
    sure = torch.tensor([[0.9, 0.5]])
    novelty = [1 - math.exp(-(2 - 2 * math.cos(math.radians(angle))) / (2 * 0.5**2)) for angle in (30, 60)]
    assert 0.9 * novelty[0] < 0.5 * novelty[1] and 0.9**3 * novelty[0] > 0.5**3 * novelty[1]
    assert select(candidates, sure, seeds, 1, 0.5, 1).item() == 1
    assert select(candidates, sure, seeds, 1, 0.5, 3).item() == 0


def test_seeds_avoid_what_others_took_in_earlier_rounds():
    seeds = on_circle(0.0, 180.0)
    candidates = torch.stack([on_circle(90.0, 60.0, 85.0), on_circle(270.0, 88.0, 240.0)])
    taken = select(candidates, torch.ones(2, 3), seeds, 2, 0.5, 1)
    assert taken[:, 0].tolist() == [0, 0]  # straight away from both seeds
    assert taken[:, 1].tolist() == [1, 2]  # 85 and 88 lie beside 90, which the first seed has


def test_a_candidate_is_taken_once_even_if_nothing_else_is_worth_anything():
    seeds = points(2)
    taken = select(seeds[:, None].expand(-1, 4, -1), torch.zeros(2, 4), seeds, 4, 0.5, 1)
    assert [sorted(row) for row in taken.tolist()] == [[0, 1, 2, 3]] * 2


def test_more_rounds_than_candidates_are_refused():
    with pytest.raises(ValueError, match="5 rounds need as many candidates, there are 4"):
        select(points(2, 4), torch.ones(2, 4), points(2), 5, 0.5, 1)


def from_the_nearest(point, taken):
    return 1 - max(math.exp(-(math.dist(point.tolist(), other) ** 2) / (2 * 0.5**2)) for other in taken.tolist())


@pytest.mark.parametrize("rounds", range(1, 6))
@pytest.mark.parametrize("count", [1, 3], ids="{} seeds".format)
def test_what_is_taken_is_what_the_definition_takes(count, rounds):
    """By trying every candidate: greatest confidence^2 times novelty against seeds and all of the rounds before."""
    seeds, candidates = points(5)[:count], points(5, 8)[:count]
    sure = 0.5 + torch.rand(5, 8, generator=generator("sure")).double()[:count] / 2
    taken, expected = seeds, [[] for _ in range(count)]
    for _ in range(rounds):
        for seed, chosen in enumerate(expected):
            worth = {
                row: sure[seed, row].item() ** 2 * from_the_nearest(candidates[seed, row], taken)
                for row in range(8)
                if row not in chosen
            }
            chosen.append(max(worth, key=worth.get))
        taken = torch.cat([taken, torch.stack([candidates[seed, rows[-1]] for seed, rows in enumerate(expected)])])
    assert select(candidates, sure, seeds, rounds, 0.5, 2).tolist() == expected


def test_equal_seeds_and_candidates_that_are_seeds_are_taken_last():
    """Two copies of an image have one embedding, and a candidate that did not move has it too."""
    seeds = on_circle(0.0, 0.0)
    candidates = on_circle(0.0, 60.0, -60.0)[None].expand(2, -1, -1)
    first, second = select(candidates, torch.ones(2, 3), seeds, 3, 0.5, 1).tolist()
    assert first[2] == second[2] == 0
    assert {first[0], first[1]} == {second[0], second[1]} == {1, 2}


def test_the_order_of_seeds_changes_nothing():
    seeds, candidates = points(4), points(4, 6)
    sure = torch.rand(4, 6, generator=generator("sure")).double()
    taken = select(candidates, sure, seeds, 3, 0.5, 1)
    for order in itertools.islice(itertools.permutations(range(4)), 0, 24, 5):
        rows = list(order)
        assert torch.equal(select(candidates[rows], sure[rows], seeds[rows], 3, 0.5, 1), taken[rows])


def planned(perturbation="ball", ratio=2, reserve=1, **changes):
    settings = {
        "perturbation": perturbation,
        "eps": 0.3,
        "manifold": {"tau": 1, "within": 0.5, "shrink": 0},
        "steps": 1,
        "step_size": 0.1,
        "criteria": guidance().criteria,
        **changes,
    }
    seeds = 3 * points(4)
    shape = ClassShape(normalize(seeds, dim=1).mean(0), 0.2 * points(7))
    rngs = [generator("plan", row) for row in range(4)]
    return seeds, plan_features(seeds, HELD, shape, log_probs, Guidance(**settings), ratio, reserve, rngs)


HELD = torch.tensor([0, 2, 0, 1])
SELECTION = {"candidates": 8, "logit_scale": 10, "exponent": 1, "bandwidth": 0.5}


@pytest.mark.parametrize("perturbation", ["ball", "manifold"])
@pytest.mark.parametrize("selection", [None, SELECTION])
def test_every_seed_gets_its_variants_and_spare_ones(perturbation, selection):
    _, features = planned(perturbation, selection=selection)
    assert features.shape == (4, 3, 5)
    assert len(features.flatten(0, 1).unique(dim=0)) == 12


def test_proposals_are_seeds_with_normal_noise_of_their_own_generator_along_the_spread():
    seeds, features = planned("manifold", steps=0, ratio=20, manifold={"tau": 0.7, "within": 0.5, "shrink": 0})
    for row, seed in enumerate(seeds / 3):
        noise = torch.randn(21, 7, generator=generator("plan", row)).double()
        torch.testing.assert_close(features[row], 3 * normalize(seed + 0.7 * noise @ (0.2 * points(7)), dim=1))


def test_proposals_in_the_ball_are_the_papers_perturbation_of_each_embedding():
    seeds, features = planned("ball", steps=0, ratio=20, noise=0.4)
    for row, seed in enumerate(seeds):
        rng, unit = generator("plan", row), seed.square().mean().sqrt()
        z, b = (draw(21, 5, generator=rng).double() for draw in (torch.rand, torch.randn))
        moved = (1 + z) * seed + 0.4 * b * unit
        torch.testing.assert_close(features[row], moved.clamp(seed - 0.3 * unit, seed + 0.3 * unit))


def test_in_the_ball_candidates_stay_in_it():
    seeds, features = planned("ball", steps=0)
    radius = 0.3 * seeds.square().mean(1).sqrt()  # in units of each embedding's root mean square
    assert ((features - seeds[:, None]).abs().amax((1, 2)) <= radius + 1e-12).all()


def test_selected_features_are_surer_and_farther_apart_than_drawn_ones():
    def stands(features):
        flat = normalize(features.flatten(0, 1), dim=1)
        distance = torch.cdist(flat, flat) + 9 * torch.eye(len(flat))
        return log_probs(flat, 10).gather(1, HELD.repeat_interleave(3)[:, None]).exp().mean(), distance.amin(1).mean()

    drawn, selected = (stands(planned("manifold", selection=choice)[1]) for choice in (None, SELECTION))
    assert selected[0] > drawn[0]
    assert selected[1] > drawn[1]


@pytest.mark.parametrize("perturbation", ["ball", "manifold"])
@pytest.mark.parametrize("candidates", [1, 8])
def test_selected_are_the_best_of_so_many_candidates_per_variant_and_the_spare_ones(perturbation, candidates):
    choice = {**SELECTION, "candidates": candidates, "exponent": 2, "bandwidth": 0.4}
    seeds, selected = planned(perturbation, selection=choice)
    _, drawn = planned(perturbation, ratio=2 * candidates, reserve=1)  # of two variants, and the one in reserve
    unit = normalize(drawn, dim=2)
    sure = torch.stack([log_probs(rows, 10)[:, held].exp() for rows, held in zip(unit, HELD.tolist(), strict=True)])
    taken = select(unit, sure, normalize(seeds, dim=1), 3, 0.4, 2)
    assert torch.equal(selected, torch.stack([rows[order] for rows, order in zip(drawn, taken, strict=True)]))


def test_a_step_leads_every_seed_to_the_class_that_it_has_to_keep():
    (_, still), (_, moved) = planned("manifold", steps=0), planned("manifold", steps=1)
    for before, after, held in zip(still, moved, HELD.tolist(), strict=True):
        sure, surer = (log_probs(normalize(features, dim=1), 5)[:, held] for features in (before, after))
        assert (surer > sure).all()
