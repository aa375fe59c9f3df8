"""Units of work on processes of this machine."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
import torch

from guided_imagination.config import ONE_WORKER, ComputeConfig
from guided_imagination.models.device import place
from guided_imagination.utils.errors import InputError
from guided_imagination.utils.workers import call, start

TWO = ONE_WORKER.overridden({"workers": {"count": 2}})


@pytest.fixture(params=[ONE_WORKER, TWO], ids=["here", "two processes"])
def compute(request) -> ComputeConfig:
    return request.param


def test_every_unit_comes_back_with_its_result(compute):
    squares = dict(start(lambda: lambda unit: unit**2, range(7), compute))
    assert squares == {unit: unit**2 for unit in range(7)}


def test_work_is_loaded_once_in_a_worker_and_has_its_threads(compute):
    def work():
        loads.append(1)
        return lambda unit: (os.getpid(), len(loads), torch.get_num_threads())

    loads = []
    made = [result for _, result in start(work, range(8), compute)]
    assert {(loads, threads) for _, loads, threads in made} == {(1, 1)}
    assert (os.getpid() in {process for process, _, _ in made}) == (compute is ONE_WORKER)


def test_the_threads_of_the_caller_are_its_own(compute):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    threads = [torch.get_num_threads() for _ in start(lambda: lambda unit: unit, range(2), compute)]
    assert threads == [2, 2]
    torch.set_num_threads(before)


def test_a_leader_is_done_before_the_others_are_begun(compute, tmp_path):
    mark = tmp_path / "led"

    def work(unit):
        if unit == 0:
            time.sleep(0.3)
            mark.touch()
        return mark.exists()

    assert [led for _, led in start(lambda: work, range(6), compute, lead=True)] == [True] * 6


def test_what_a_unit_raises_ends_the_work_and_the_next_goes_on(compute):
    def work(unit):
        raise InputError(f"unit {unit} is no good")

    with pytest.raises(InputError, match="is no good"):
        list(start(lambda: work, [3], compute))
    assert call(lambda: "fine", compute) == "fine"
    assert len(list(start(lambda: lambda unit: unit, range(3), compute))) == 3


def test_two_works_at_once_keep_all_workers_busy():
    """What is begun first is finished first, and whoever is idle takes of the next."""
    first = start(lambda: lambda unit: time.sleep(0.4) or os.getpid(), range(3), TWO)
    second = start(lambda: lambda unit: time.sleep(0.4) or os.getpid(), range(3), TWO)
    began = time.perf_counter()
    assert len(list(first)) == len(list(second)) == 3
    assert time.perf_counter() - began < 0.4 * 3 + 0.35  # three rounds of two, not four


def test_the_unit_of_a_killed_worker_is_done_again(tmp_path):
    def work(unit):
        mark = tmp_path / str(unit)
        if unit % 2 and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return unit

    assert sorted(result for _, result in start(lambda: work, range(8), TWO)) == list(range(8))
    assert len(list(tmp_path.iterdir())) == 4  # were killed


def test_a_unit_that_kills_every_worker_is_named_as_what_it_is():
    with pytest.raises(InputError, match=r"5 workers died .* memory: set fewer of them \(compute.workers.count\)"):
        list(start(lambda: lambda unit: os.kill(os.getpid(), signal.SIGKILL), range(2), TWO))
    assert len(list(start(lambda: lambda unit: unit, range(3), TWO))) == 3


def test_work_that_is_left_early_is_not_gone_on_with(tmp_path):
    def work(unit):
        time.sleep(0.1)
        (tmp_path / str(unit)).touch()

    made = start(lambda: work, range(20), TWO)
    next(made)
    made.close()
    time.sleep(0.5)
    assert len(list(tmp_path.iterdir())) <= 4


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_workers_end_with_their_driver_however_it_ends(how):
    driver = subprocess.Popen(
        [sys.executable, "-c", DRIVER],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # jobs in a shell's background ignore it
    )
    assert driver.stdout is not None
    workers = [psutil.Process(int(driver.stdout.readline())) for _ in range(2)]
    driver.send_signal(how)
    driver.wait(20)  # much less than what it is at
    _gone, alive = psutil.wait_procs(workers, timeout=10)
    assert not alive


DRIVER = """
import os, time
from guided_imagination.config import ONE_WORKER
from guided_imagination.utils.workers import engines, start
engines.PRELOADED = ("torch",)
def work(unit):
    time.sleep(60 if unit > 1 else 0.5)
    return os.getpid()
two = ONE_WORKER.overridden({"workers": {"count": 2}})
for _, process in start(lambda: work, range(4), two):
    print(process, flush=True)
"""


def test_one_gpu_is_not_for_several_workers():
    with pytest.raises(ValueError, match=r"'cuda:1' is one GPU: set workers.count to 1"):
        ONE_WORKER.overridden({"device": "cuda:1", "workers": {"count": 2}})


def test_what_is_of_a_cluster_is_refused_without_one():
    with pytest.raises(ValueError, match="address and gpus are of engine ray"):
        ONE_WORKER.overridden({"workers": {"address": "auto"}})


def test_a_worker_that_places_networks_is_as_deterministic_as_was_asked():
    compute = TWO.overridden({"deterministic": True})

    def look(unit):
        place(compute)
        return torch.are_deterministic_algorithms_enabled(), torch.get_num_threads()

    assert {result for _, result in start(lambda: look, range(4), compute)} == {(True, 1)}
    list(start(lambda: lambda unit: torch.use_deterministic_algorithms(False) or time.sleep(0.2), range(2), TWO))
    with pytest.raises(ValueError, match="deterministic means one thread"):
        compute.overridden({"workers": {"cpus": 2}})
