"""A child that is killed takes nothing from the test that forked it."""

import os
import threading
from pathlib import Path

from tqdm.auto import tqdm

from helpers.processes import fork, killed


def test_a_child_killed_while_it_draws_a_bar_lets_its_parent_draw(tmp_path: Path) -> None:
    drawing = os.pipe()

    def draw() -> None:
        with tqdm.get_lock():
            os.write(drawing[1], b"x")
            threading.Event().wait()

    tqdm.get_lock()  # made before the fork, as it is once anything has drawn a bar
    child = fork(draw)
    os.read(drawing[0], 1)
    killed(child)
    own = threading.Thread(target=lambda: list(tqdm(range(1))), daemon=True)
    own.start()
    own.join(timeout=10)
    blocked = own.is_alive()
    if blocked:
        tqdm.set_lock(threading.RLock())  # for the tests that follow
    assert not blocked
