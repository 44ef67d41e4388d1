"""The black box of a flight: it goes aboard before the start and is opened after the landing."""

from sim.observe.anomalies.allowed import Terms
from sim.observe.anomalies.check import check
from sim.observe.anomalies.recorder import Recorder
from sim.observe.anomalies.report import Anomalies
from sim.rules.config import topic_config_from
from sim.world.flight import Flight

__all__ = ["BlackBox"]


class BlackBox:
    """Records what clients see of a flight, and finds the anomalies in it."""

    def __init__(self, flight: Flight) -> None:
        self._flight = flight
        self._recorder = Recorder(flight.machine.facts)

    def anomalies(self, expect_committed: bool = False) -> Anomalies:
        """What clients saw and should not have seen, and what the configuration allows them to see.

        It makes many small values beside a large heap: best called while garbage collection is off, as in `sim.run`.
        """
        return check(self._recorder.history(), Terms(self._removing_topics(), expect_committed))

    def _removing_topics(self) -> frozenset[str]:
        """Topics that are compacted, or whose retention was set to something else than the broker's default."""
        cluster = self._flight.cluster
        plain = topic_config_from(cluster.config, {})
        found: set[str] = set()
        for name, topic in cluster.topics.items():
            config = topic_config_from(cluster.config, topic.config)
            limits = (config.retention_ms, config.retention_bytes)
            if "compact" in config.cleanup_policy or limits != (plain.retention_ms, plain.retention_bytes):
                found.add(name)
        return frozenset(found)
