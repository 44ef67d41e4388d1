"""What several of these experiments use: a small cluster, and a consumer that restarts without a rebalance."""

from sim.actors.client.app import App
from sim.actors.consumer.consumer import Consumer
from sim.world.cluster import ClusterSpec

__all__ = ["ONE_BROKER", "static_member"]

ONE_BROKER = ClusterSpec(brokers=1, racks=1)


def static_member(app: App, auto_commit: bool = False, **config: object) -> Consumer:
    """A consumer that comes back under its old name, so that a restart is no rebalance."""
    config = {"group.instance.id": app.name, "enable.auto.commit": auto_commit, **config}
    return app.consumer(app.name, ["orders"], auto_offset_reset="earliest", **config)
