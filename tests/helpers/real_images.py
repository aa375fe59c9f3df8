"""Real images that this repository does not have: a folder that an environment variable names, and nothing else."""

import os
from pathlib import Path

import pytest

VARIABLE = "GUIDED_IMAGINATION_TEST_DATA"
MARK = "real_images"


@pytest.fixture(scope="session")
def real_images(request: pytest.FixtureRequest) -> Path:
    """The folder that the variable names; tests that ask for it are skipped where there is no such variable.

    They have the mark of this name (`pytest -m real_images`). A folder that is named and not there is an error.
    """
    if not (named := os.environ.get(VARIABLE)):
        pytest.skip(f"it needs real images: set {VARIABLE} to their folder (CONTRIBUTING.md, Tests)")
    folder = request.config.invocation_params.dir / named
    assert folder.is_dir(), f"{VARIABLE} = {named}: no such folder"
    return folder


@pytest.fixture(scope="session")
def photographs(real_images: Path) -> Path:
    """Twelve classes of Caltech-101, a folder each."""
    return real_images / "caltech101_12classes" / "caltech101" / "101_ObjectCategories"


@pytest.fixture(scope="session")
def breast(real_images: Path) -> Path:
    """BreastMNIST, packed by others."""
    return real_images / "breastmnist_repackaged.npz"


def mark(items: list[pytest.Item]) -> None:
    """Give the mark to every test that needs real images."""
    for item in items:
        if real_images.__name__ in getattr(item, "fixturenames", ()):
            item.add_marker(MARK)
