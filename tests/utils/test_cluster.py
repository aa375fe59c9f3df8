"""Units of work on a Ray cluster of two machines, which are two raylets of one core each here."""

import atexit
import os
import signal
import sys
import time
from threading import Thread

import pytest

from guided_imagination.config.models import ONE_WORKER
from guided_imagination.expansion.expand import expand
from guided_imagination.utils.errors import InputError
from guided_imagination.utils.workers import start
from helpers.toy import ToyAugmenter, dataset, plan

pytest.importorskip("ray", reason="Ray is not installed (the extra `ray`)")


@pytest.fixture(scope="module")
def cluster():
    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)  # of the raylets, whose workers need the helpers
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    made.add_node(num_cpus=1)
    yield made
    import ray

    # after a lost machine Ray's shutdown now and then waits for ever: then these processes are left to their end
    atexit.unregister(ray.shutdown)
    ending = Thread(target=ray.shutdown, daemon=True)
    ending.start()
    ending.join(20)
    if not ending.is_alive():
        made.shutdown()
    del os.environ["PYTHONPATH"]


@pytest.fixture(scope="module")
def compute(cluster):
    return ONE_WORKER.overridden({"workers": {"engine": "ray", "count": 2, "address": cluster.address}})


def shards(folder, **changes):
    expand(folder, plan(ToyAugmenter(), seeds=dataset([0, 1] * 4), **changes))
    return {path.name: path.read_bytes() for path in folder.glob("*.parquet")}


def test_more_workers_than_there_is_room_for_are_refused(compute):
    """Units that are handed to those who find no room would wait for ever."""
    many = compute.overridden({"workers": {"count": 3}})
    with pytest.raises(InputError, match="count = 3: the Ray cluster has room for 2 workers of 1 cores, 0"):
        list(start(lambda: lambda unit: unit, [1, 2], many))
    with pytest.raises(InputError, match=r"no room for a worker of 1 cores, 1\.0 GPUs"):
        list(start(lambda: lambda unit: unit, [1, 2], compute.overridden({"workers": {"gpus": 1}})))


def test_a_cluster_makes_the_bytes_of_one_worker_here(compute, tmp_path):
    assert shards(tmp_path / "there", compute=compute) == shards(tmp_path / "here")


def test_killed_workers_and_a_lost_machine_cost_no_unit(cluster, compute):
    """Last, for the machine does not come back."""

    def work(unit):
        import ray

        time.sleep(0.2)
        return os.getpid(), ray.get_runtime_context().get_node_id()

    done, killed, machines = [], set(), set()
    for unit, (process, machine) in start(lambda: work, range(40), compute):
        done.append(unit)
        machines.add(machine)
        if len(killed) < 3 and process not in killed:
            killed.add(process)
            os.kill(process, signal.SIGKILL)
        elif len(done) == 25:
            cluster.remove_node(next(node for node in cluster.list_all_nodes() if not node.head))
    assert sorted(done) == list(range(40))
    assert len(machines) == 2
    assert len(killed) == 3
