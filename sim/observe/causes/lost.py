"""How an acknowledged record was lost: cut off, not flushed, on a replica that does not lead, or never arrived."""

from sim.observe.acknowledgement import Acknowledgement
from sim.observe.causes.attempts import Attempts
from sim.rules.facts.journal import LogTruncated
from sim.rules.facts.storage import UnflushedLost
from sim.rules.storage.batch import RecordBatch, RecordColumns
from sim.world.flight import Flight

__all__ = ["Losses"]

Cut = tuple[int, LogTruncated, RecordBatch]
PowerCut = tuple[int, int, RecordBatch]
"""When which broker lost what."""


class Losses:
    """Remembers what was taken from the logs of single replicas."""

    def __init__(self, flight: Flight, attempts: Attempts) -> None:
        self._cluster = flight.cluster
        self._attempts = attempts
        self._truncated: dict[RecordColumns, list[Cut]] = {}
        self._unflushed: dict[RecordColumns, list[PowerCut]] = {}
        facts = flight.machine.facts
        facts.listen(LogTruncated, self._on_truncated)
        facts.listen(UnflushedLost, self._on_unflushed)

    def _on_truncated(self, time: int, fact: LogTruncated) -> None:
        for batch in fact.removed:
            self._truncated.setdefault(batch.columns.written, []).append((time, fact, batch))

    def _on_unflushed(self, time: int, fact: UnflushedLost) -> None:
        for batch in fact.removed:
            self._unflushed.setdefault(batch.columns.written, []).append((time, fact.broker_id, batch))

    def why_lost(self, columns: RecordColumns, acknowledgement: Acknowledgement) -> str:
        """Who has acknowledged it, in which epoch, and what has taken it away."""
        cuts, power = self._truncated.get(columns, []), self._unflushed.get(columns, [])
        left = self._left(columns, acknowledgement)
        copies = [batch for _, _, batch in cuts] + [batch for _, batch in left] + [batch for _, _, batch in power]
        told = _acknowledged(acknowledgement, copies)
        if not acknowledgement.is_told and not copies:
            return f"{told}, and never arrived"
        causes = _powerless(power)
        if cuts:
            own = [cut for cut in cuts if cut[1].broker_id == acknowledgement.broker_id]
            causes.append(self._cut_off(own[-1] if own else cuts[-1]))
        elif left:
            causes.append(self._only_on(left[0][0], acknowledgement))
        return "; ".join([told, *(causes or ["in no log that leads now"])])

    def _left(self, columns: RecordColumns, acknowledgement: Acknowledgement) -> list[tuple[int, RecordBatch]]:
        """The replicas that still have a copy, though none of them leads."""
        found = []
        for broker_id, broker in self._cluster.brokers.items():
            log = broker.storage.get(acknowledgement.partition)
            batches = () if log is None else log.batches(max(0, acknowledgement.base_offset))
            copy = next((batch for batch in batches if batch.columns.written is columns), None)
            if copy is not None:
                found.append((broker_id, copy))
        return found

    def _cut_off(self, cut: Cut) -> str:
        time, fact, _ = cut
        where = f"truncated on broker {fact.broker_id} at {time / 1e9:.3f} s"
        leader = self._attempts.leader(fact.partition, fact.leader_epoch)
        if leader is None:
            return f"{where} to follow leader epoch {fact.leader_epoch}"
        uncleanly = ", elected uncleanly," if leader[1] else ""
        return f"{where} when broker {leader[0]}{uncleanly} led epoch {fact.leader_epoch}"

    def _only_on(self, broker_id: int, acknowledgement: Acknowledgement) -> str:
        registration = self._cluster.controller.image.partitions[acknowledgement.partition]
        down = "" if self._cluster.brokers[broker_id].life.alive else ", which is down"
        epoch = registration.leader_epoch
        leads = "nobody leads" if registration.leader < 0 else f"broker {registration.leader} leads epoch {epoch}"
        return f"left only on broker {broker_id}{down}, while {leads}"


def _acknowledged(acknowledgement: Acknowledgement, copies: list[RecordBatch]) -> str:
    """Who has acknowledged it when, and in which epoch if a copy tells."""
    time = f"{acknowledgement.time / 1e9:.3f} s"
    if not acknowledgement.is_told:
        written = f", written at epoch {copies[-1].leader_epoch}" if copies else ""
        return f"sent to broker {acknowledgement.broker_id} at {time} with acks=0{written}"
    own = next((copy for copy in copies if copy.base_offset == acknowledgement.base_offset), None)
    epoch = "" if own is None else f" at epoch {own.leader_epoch}"
    return f"acknowledged by broker {acknowledgement.broker_id} at {time}{epoch}"


def _powerless(power: list[PowerCut]) -> list[str]:
    """Which brokers have lost it at which times."""
    by_time: dict[int, list[str]] = {}
    for time, broker_id, _ in power:
        by_time.setdefault(time, []).append(str(broker_id))
    return [
        f"not flushed when broker{'s' * (len(brokers) > 1)} {' and '.join(brokers)} lost "
        f"{'their' if len(brokers) > 1 else 'its'} power at {time / 1e9:.3f} s"
        for time, brokers in by_time.items()
    ]
