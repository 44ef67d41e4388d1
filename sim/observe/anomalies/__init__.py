"""The second verdict: the anomalies of Jepsen's Kafka workload, from what clients saw and nothing else."""

from sim.observe.anomalies.allowed import Terms
from sim.observe.anomalies.black_box import BlackBox
from sim.observe.anomalies.check import check
from sim.observe.anomalies.report import Anomalies, Anomaly

__all__ = ["Anomalies", "Anomaly", "BlackBox", "Terms", "check"]
