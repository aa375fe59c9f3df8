import time
from functools import partial

import pytest
import torch
from torch import nn

from guided_imagination.data.arrays import Labelled
from guided_imagination.training import classifier
from guided_imagination.training.classifier import Pace, accuracy, predict, train_classifier
from guided_imagination.training.recipe import batch_rows
from guided_imagination.utils.fit import fit
from helpers.cells import ARCHITECTURE, RECIPE, SPLITS, labelled


class Threshold(nn.Module):
    """Class 1 if the image is brighter than grey."""

    def forward(self, images):
        mean = images.mean((1, 2, 3))
        return torch.stack([-mean, mean], 1)


def train(recipe=RECIPE, train=SPLITS.train, log_points=2, **options):
    return train_classifier(
        train,
        SPLITS.validation,
        ARCHITECTURE,
        recipe,
        classes=2,
        seed=0,
        name="test",
        log_points=log_points,
        **options,
    )


def weights(trained):
    return torch.cat([parameter.flatten() for parameter in trained.model.state_dict().values()])


def test_accuracy_is_the_percentage_of_right_answers():
    grey = torch.tensor([0, 255, 255, 0, 255], dtype=torch.uint8)
    data = Labelled(grey.view(5, 1, 1, 1).expand(5, 3, 4, 4), torch.tensor([0, 1, 0, 1, 1]))
    logits = predict(Threshold(), data, batch_size=2)  # the last batch is short
    assert accuracy(logits, data.labels) == pytest.approx(60)  # 3 of 5


def test_prediction_uses_running_statistics_and_returns_to_training():
    model = nn.Sequential(nn.BatchNorm2d(3), Threshold()).train()
    before = model[0].running_mean.clone()
    predict(model, SPLITS.measured)
    assert torch.equal(model[0].running_mean, before)
    assert model.training


def test_only_the_chosen_rows_are_trained_on():
    chosen = torch.tensor([1, 3, 6, 7])
    some = Labelled(SPLITS.train.images, SPLITS.train.labels[chosen], chosen)
    alone = Labelled(SPLITS.train.images[chosen], SPLITS.train.labels[chosen])
    assert torch.equal(weights(train(train=some)), weights(train(train=alone)))


@pytest.mark.parametrize(
    "change", [{}, {"mixup": 0.4}, {"cutmix": 1.0}, {"randaugment": "rand-m9-n2-mstd0.5"}], ids=str
)
def test_a_killed_and_resumed_run_ends_with_the_weights_and_history_of_an_uninterrupted_one(
    tmp_path, monkeypatch, change
):
    recipe = RECIPE.model_copy(update={"updates": 6, **change})
    whole = train(recipe, log_points=3)  # after updates 2, 4 and 6

    def unplugged(step, *rest):
        if step == 5:
            raise KeyboardInterrupt
        return batch_rows(step, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(classifier, "fit", partial(fit, save_every=2))
        patch.setattr(classifier, "batch_rows", unplugged)
        with pytest.raises(KeyboardInterrupt):
            train(recipe, log_points=3, checkpoint=tmp_path / "checkpoint.pt")
    killed = time.time()
    resumed = train(recipe, log_points=3, checkpoint=tmp_path / "checkpoint.pt")
    assert torch.equal(weights(resumed), weights(whole))
    assert resumed.history == whole.history
    assert len(whole.history) == 3
    assert len(resumed.times) == len(whole.times) == 4
    assert resumed.times[0] < killed < resumed.times[-1], "it began when it did first"


def test_a_checkpoint_of_050_which_knew_no_times_is_read():
    history = classifier.History()
    history.load_state_dict({"rows": [({"train_loss": 2.0}, 1), ({"train_loss": 1.0}, 2)]})
    assert history.times == history.times[:1] * 3


@pytest.mark.parametrize("change", [{"mixup": 0.4}, {"cutmix": 1.0}, {"randaugment": "rand-m9-n2-mstd0.5"}], ids=str)
def test_what_a_recipe_adds_changes_the_classifier(change):
    assert not torch.equal(weights(train(RECIPE.model_copy(update=change))), weights(train()))


@pytest.mark.parametrize(("steps", "points"), [(6, 3), (7, 3), (7, 4), (3, 10)])
def test_metrics_are_logged_at_most_as_often_as_asked_and_after_the_last_update(steps, points):
    recipe = RECIPE.model_copy(update={"updates": steps})
    history = train(recipe, log_points=points).history
    assert history[-1][1] == steps
    assert len(history) <= points
    assert all(set(metrics) == {"train_loss", "validation_accuracy"} for metrics, _ in history)


def test_pace_counts_images_waiting_and_seconds_without_pauses(monkeypatch):
    now = iter([0.0, 0.0, 1.0, 4.0, 10.0, 10.0, 12.0, 13.0])
    monkeypatch.setattr(classifier.time, "perf_counter", lambda: next(now))
    pace = Pace()  # 0
    with pace.wait(8):  # 0 to 1
        pass
    with pace.pause():  # 4 to 10
        pass
    with pace.wait(8):  # 10 to 12
        pass
    state = pace.state_dict()  # 13
    assert state == {"images": 16, "seconds": 7, "waiting": 3}
    assert pace.speed == pytest.approx({"seconds": 7, "images_per_second": 16 / 7, "waiting_share": 3 / 7})


def test_pace_goes_on_after_a_kill():
    pace = Pace()
    pace.load_state_dict({"images": 100, "seconds": 50.0, "waiting": 5.0})
    assert pace.speed["images_per_second"] == pytest.approx(2)


def test_a_batch_larger_than_the_images_is_filled_up():
    assert train(RECIPE.model_copy(update={"batch_size": 32}), train=labelled(8)).history
