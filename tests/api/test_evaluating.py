import shutil

import pytest
import torch
from PIL import Image

import guided_imagination
from guided_imagination import InputError
from guided_imagination.config import Architecture, Recipe
from guided_imagination.config.defaults import defaults
from guided_imagination.data.arrays import Labelled
from guided_imagination.data.dataset import to_tensors
from guided_imagination.training.classifier import accuracy, predict, train_classifier
from helpers.fabricate import folders, put

TINY = Architecture(model="resnet10t", arguments={"channels": [4, 4, 4, 4]})
RECIPE = Recipe.model_validate(defaults()["recipes"]["matched"] | {"passes": 2, "batch_size": 8})


def by_hand(rows, test, updates, seed):
    recipe = RECIPE.overridden({"passes": None, "updates": updates})
    images, labels = to_tensors(rows)
    trained = train_classifier(
        Labelled(images, labels), None, TINY, recipe, classes=10, seed=seed, name="by hand", log_points=1
    )
    measured = Labelled(*to_tensors(test))
    return accuracy(predict(trained.model, measured), measured.labels)


def test_accuracies_are_those_of_classifiers_trained_by_hand(expansion, seeds, test_images):
    table = guided_imagination.evaluate(seeds, expansion, test_images, architecture=TINY, recipe=RECIPE, runs=2)
    assert table["method"].tolist() == ["original", "original", "gif_dalle", "gif_dalle"]
    assert table["seed"].tolist() == [0, 1, 0, 1]
    assert table["ratio"].tolist() == [0, 0, 2, 2]
    updates = -(-2 * 3 * len(seeds) // 8)  # two passes over the seeds and twice as many variants, for both
    assert table["updates"].tolist() == [updates] * 4
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    both = [*seeds, *expansion]
    expected = [by_hand(rows, test_images, updates, seed) for rows in (seeds, both) for seed in (0, 1)]
    torch.set_num_threads(threads)
    assert table["accuracy"].tolist() == expected


def test_what_cannot_be_measured_is_refused(expansion, seeds, test_images):
    def refusal(*images, **arguments):
        with pytest.raises(InputError) as caught:
            guided_imagination.evaluate(*images, **arguments)
        return str(caught.value)

    other = torch.zeros(2, 3, 32, 32), [0, 1], ["cat", "dog"]
    assert "the test images have the classes cat, dog" in refusal(seeds, expansion, other)
    assert "architectures: 'vgg' is not known; allowed: resnet10_small" in refusal(
        seeds, expansion, test_images, architecture="vgg"
    )
    assert "recipes: 'fast' is not known" in refusal(seeds, expansion, test_images, recipe="fast")
    assert "train.seeds = 0" in refusal(seeds, expansion, test_images, runs=0)
    assert "soft labels" in refusal(seeds, expansion, test_images, recipe="soft")


def test_a_recipe_that_needs_a_teacher_is_refused(seeds, expansion, test_images):
    soft = {"train": {"teacher": "clip_zero_shot"}}
    for settings in (None, soft):
        with pytest.raises(InputError, match="recipe = 'soft' needs a teacher for its soft labels"):
            guided_imagination.evaluate(seeds, expansion, test_images, recipe="soft", settings=settings)


@pytest.fixture
def cats_and_dogs(tmp_path):
    """Ten images of a folder, whose last cat is the last dog too, and how it was expanded."""
    root = folders(tmp_path / "pets", {"cat": 4, "dog": 5})
    shutil.copy(root / "dog" / "0004.png", root / "cat" / "0004.png")
    return root, guided_imagination.expand(root, ratio=1, method="cutout", settings=SMALL)


SMALL = {"dataset_specs": {"images": {"resolution": 8}}}
TWO_LABELS = "1 image is there with more than one label"


def measured(images, expansion, test):
    return guided_imagination.evaluate(
        images, expansion, test, architecture=TINY, recipe=RECIPE, runs=1, settings=SMALL
    ).attrs["warnings"]


def test_test_images_that_were_trained_on_are_told_of(cats_and_dogs, tmp_path, caplog):
    root, expansion = cats_and_dogs
    caplog.clear()
    same, labels = measured(root, expansion, root)
    assert same.startswith(
        "10 of 10 test images have the same pixels as seeds, so what is measured on them says little"
    )
    assert labels.startswith(TWO_LABELS)
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        f"evaluate: {same}",
        f"evaluate: {labels}",
    ]
    other = folders(tmp_path / "test", {"cat": 0, "dog": 8})
    for file in (other / "dog").iterdir():
        put(file, "other")
    for number in range(3):
        Image.open(root / "cat" / f"000{number}.png").save(other / "cat" / f"{number}.tif")
    same, labels = measured(root, expansion, other)
    assert same.startswith("3 of 11 test images have the same pixels as seeds")


def test_the_expansion_is_no_side(cats_and_dogs, tmp_path):
    """Test images with the pixels of new ones are no seeds."""
    root, expansion = cats_and_dogs
    (labels,) = measured(root, expansion, expansion)
    assert labels.startswith(TWO_LABELS)


def test_an_image_of_two_classes_is_told_of_when_it_is_expanded(cats_and_dogs, caplog):
    root, _ = cats_and_dogs
    guided_imagination.expand(root, ratio=1, method="cutout", settings=SMALL)
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        f"images: {TWO_LABELS} ('train/cat/0004.png' and 'train/dog/0004.png')"
    ]
