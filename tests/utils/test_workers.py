"""Units of work on processes of this machine."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import CancelledError
from importlib import import_module
from importlib.util import find_spec
from threading import Event

import psutil
import pytest
import torch

from guided_imagination.config.models import ONE_WORKER, ComputeConfig
from guided_imagination.models.device import place
from guided_imagination.utils.errors import InputError
from guided_imagination.utils.workers import call, start
from guided_imagination.utils.workers.local import Process, context_of
from guided_imagination.utils.workers.pool import Pool

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
    with pytest.raises(InputError, match=r"5 workers died .* memory: set a lower compute.workers.count"):
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
from guided_imagination.config.models import ONE_WORKER
from guided_imagination.utils.workers import start
def work(unit):
    time.sleep(60 if 1 < unit < 6 else 0.5)
    if unit == 6:
        raise ValueError("6 is too many")
    return os.getpid()
two = ONE_WORKER.overridden({"workers": {"count": 2}})
for _, process in start(lambda: work, range(4), two, preload=["torch"]):
    print(process, flush=True)
"""


@pytest.mark.parametrize("failing", [False, True])
def test_a_driver_that_ends_leaves_nothing_behind(failing):
    """Well, or by what a unit raises while a worker is at another one and more are begun."""
    script = DRIVER.replace("range(4)", "range(2)")
    if failing:
        script += "first, second = start(lambda: work, [5, 6], two), start(lambda: work, [5, 5], two)\nnext(first)"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=50)
    assert ended.returncode == failing
    assert ended.stderr.endswith("ValueError: 6 is too many\n" if failing else "")
    assert failing or not ended.stderr
    assert ended.stdout
    assert not any(psutil.pid_exists(int(process)) for process in ended.stdout.split())


def test_every_worker_has_a_gpu_of_its_own_and_so_has_the_one_in_its_place(monkeypatch, tmp_path):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,7")
    compute = ONE_WORKER.overridden({"device": "cuda", "workers": {"count": None}})

    def work(unit):
        time.sleep(0.3)
        mark = tmp_path / os.environ["CUDA_VISIBLE_DEVICES"]
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return os.environ["CUDA_VISIBLE_DEVICES"]

    assert {gpu for _, gpu in start(lambda: work, range(8), compute)} == {"5", "7"}
    assert call(lambda: os.environ["CUDA_VISIBLE_DEVICES"], compute) in {"5", "7"}


def test_the_death_of_a_worker_costs_no_other_unit(tmp_path):
    """One kills four workers and is done by the fifth, while another worker is at a long one."""

    def work(unit):
        mark = tmp_path / f"{unit} {os.getpid()}"
        mark.touch()
        if unit == "deadly" and len(list(tmp_path.glob("deadly *"))) < 5:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(3 if unit == "long" else 0)
        return unit

    done = [unit for unit, _ in start(lambda: work, ["long", "deadly", "a", "b"], TWO)]
    assert sorted(done) == ["a", "b", "deadly", "long"]
    begun = [path.name.split(" ")[0] for path in tmp_path.iterdir()]
    assert sorted(begun) == ["a", "b", *["deadly"] * 5, "long"]


def test_nobody_waits_for_workers_to_be_there():
    """Their libraries take seconds to import."""
    there = Event()
    pool = Pool([lambda: there.wait() and Process(context_of([]), 1, None)])
    answer = pool.submit(lambda base, exponent: base**exponent, 2, exponent=5)
    assert not answer.done()
    there.set()
    assert answer.result(timeout=50) == 32


def test_workers_that_cannot_be_made_end_the_work():
    def make():
        raise OSError("too many open files")

    with pytest.raises(OSError, match="too many open files"):
        Pool([make]).submit(int).result(timeout=10)


def test_nobody_waits_for_ever_for_what_was_dropped():
    pool = Pool([lambda: Process(context_of([]), 1, None)])
    answers = [pool.submit(time.sleep, 60) for _ in range(3)]
    answers[2].cancel()
    pool.drop()
    for answer in answers:
        with pytest.raises(CancelledError):
            answer.result(timeout=20)
    assert pool.submit(abs, -1).result(timeout=50) == 1


def test_a_function_is_sent_to_a_worker_once():
    class Heavy:
        def __init__(self):
            self.calls = 0

        def __reduce__(self):
            pickled.append(1)
            return Heavy, ()

        def __call__(self):
            self.calls += 1
            return self.calls

    pickled = []
    pool = Pool([lambda: Process(context_of([]), 1, None)])
    first, second = Heavy(), Heavy()
    order = [first, first, second, first]
    assert [pool.submit(each).result(timeout=50) for each in order] == [1, 2, 1, 1]
    assert len(pickled) == 2


@pytest.mark.parametrize("room", ["hooks", "expansion.expand", "training.cells"])
def test_what_is_imported_before_processes_are_forked_is_there(room):
    """multiprocessing says nothing of a module that is not."""
    preload = import_module(f"guided_imagination.{room}").PRELOAD
    assert all(find_spec(name) for name in preload)


WORK = """
from guided_imagination.config.models import ONE_WORKER
from guided_imagination.utils.errors import InputError
from guided_imagination.utils.workers import start
def main():
    two = ONE_WORKER.overridden({"workers": {"count": 2}})
    try:
        print(sum(result for _, result in start(lambda: lambda unit: unit, range(3), two)))
    except InputError as error:
        print(f"sentence: {error}")
"""
CALLS = {
    "guarded": 'if __name__ == "__main__":\n    main()',
    "guarded in a function": 'def ask():\n    if "__main__" == __name__:\n        main()\nask()',
    "left before, which ends workers": 'if __name__ != "__main__":\n    raise SystemExit\nmain()',
    "a guard that is over": 'if __name__ == "__main__":\n    print(end="")\nmain()',
    "not guarded": "main()",
    "no guard": 'import logging\nlogging.getLogger(__name__)\nprint(end="")\nmain()',
    "a guard that comes later": 'main()\nif __name__ == "__main__":\n    print(end="")',
    "in a thread": "import threading\nthread = threading.Thread(target=main)\nthread.start()\nthread.join()",
}


def printed(*arguments, text=None):
    """The lines on both streams of a Python process."""
    command = [sys.executable, *arguments]
    done = subprocess.run(command, input=text, text=True, capture_output=True, timeout=100, check=False)
    return (done.stdout + done.stderr).splitlines()


@pytest.mark.parametrize("call_of_main", CALLS.values(), ids=CALLS)
def test_a_script_without_a_guard_is_told_of_it_and_one_with_it_works(call_of_main, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(f"{WORK}\n{call_of_main}\n")
    (said,) = printed(str(script))  # workers say nothing of their own
    if "    main()" in call_of_main:
        assert said == "3"
    else:
        assert 'needs `if __name__ == "__main__":` above what it does: add that line' in said


def test_a_script_from_standard_input_is_told_to_be_a_file():
    (said,) = printed("-", text=f"{WORK}\nmain()\n")
    assert (
        "compute.workers.count is more than one: every worker imports the calling script again, and <stdin> cannot be"
        in said
    )
    assert 'save it as a file, with `if __name__ == "__main__":` above what it does, or use one worker' in said


def test_a_command_without_a_script_needs_no_guard():
    assert printed("-c", f"{WORK}\nmain()") == ["3"]


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
