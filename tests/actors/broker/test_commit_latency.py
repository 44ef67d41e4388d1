"""Two commits pipelined on one connection do not wait for a long poll."""

from sim.machine.clock import MILLISECOND
from sim.rules.protocol.group import OffsetCommitRequest, OffsetCommitResponse
from tests.actors.flights import P, Probe, Story


def test_commits_queued_on_one_connection_are_answered_within_a_few_round_trips() -> None:
    story = Story(3)
    story.fly(2)
    probe = Probe(story)
    coordinator = next(
        broker.node_id for broker in story.cluster.brokers.values() if broker.groups.committed_offsets("g") is not None
    )
    times: list[int] = []
    commits = [OffsetCommitRequest("g", -1, "", {P: offset}) for offset in range(4)]

    def send(success: bool) -> None:
        assert success
        for commit in commits:
            probe.network.send(coordinator, commit, lambda answer: times.append(noted(answer)))

    def noted(answer: object) -> int:
        assert isinstance(answer, OffsetCommitResponse), answer
        return probe.app.now

    probe.network.connect(coordinator, send)
    begun = probe.app.now
    story.fly(4)
    assert len(times) == len(commits)
    assert times[-1] - begun < 50 * MILLISECOND
