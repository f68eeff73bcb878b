"""A run on a Ray cluster of two nodes on this machine, one of which dies on the way; prints how many shards were run.

``python two_nodes.py FOLDER PLAN_JSON SHARD``
"""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import ray
from ray.cluster_utils import Cluster

from rodnan.engine.executors import choose_executor
from rodnan.population.courses import CoursesPlan
from rodnan.population.streamed import stream_population

if __name__ == "__main__":
    folder, plan, shard = Path(sys.argv[1]), CoursesPlan.model_validate_json(sys.argv[2]), int(sys.argv[3])
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    second = cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    executor = choose_executor("ray", address=cluster.address)
    nodes = len([node for node in ray.nodes() if node["Alive"]])

    def kill() -> None:
        while not list((folder / "finished").glob("*.json")):
            time.sleep(0.01)
        cluster.remove_node(second, allow_graceful=False)

    killer = threading.Thread(target=kill)
    killer.start()
    ran = stream_population(plan, folder, executor, shard=shard)
    killer.join()
    left, end = nodes, time.monotonic() + 60
    while left == nodes and time.monotonic() < end:  # the head learns of a death some time after it
        left = len([node for node in ray.nodes() if node["Alive"]])
        time.sleep(0.1)
    ray.shutdown()
    cluster.shutdown()
    sys.stdout.write(f"ran {ran} shards, nodes {nodes} -> {left}\n")
