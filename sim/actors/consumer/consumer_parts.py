"""The parts of one consumer, put together."""

from collections.abc import Callable, Sequence

from sim.actors.client.client_metadata import ClientMetadata
from sim.actors.client.coordinator_client import CoordinatorClient
from sim.actors.client.network_client import Directory, NetworkClient
from sim.actors.consumer.classic_member import ClassicMember
from sim.actors.consumer.consumer_membership import ConsumerMembership
from sim.actors.consumer.fetcher import Fetcher
from sim.actors.consumer.group_member import GroupMember, MemberContext
from sim.actors.consumer.handover import Handover
from sim.actors.consumer.offset_commits import OffsetCommits
from sim.actors.consumer.offset_queries import OffsetQueries
from sim.actors.consumer.positions import Positions
from sim.actors.consumer.subscriptions import Subscriptions
from sim.machine.actor import Actor
from sim.rules.config import ConsumerConfig

__all__ = ["ConsumerParts"]

MEMBERS: dict[str, Callable[[MemberContext], GroupMember]] = {"classic": ClassicMember, "consumer": ConsumerMembership}
"""By group.protocol."""


class ConsumerParts:
    """Connections, metadata, membership, commits, positions and fetches of one consumer.

    `wake` is called when something has happened that a waiting poll() should look at.
    """

    def __init__(
        self,
        owner: Actor,
        client_id: str,
        group_id: str,
        config: ConsumerConfig,
        directory: Directory,
        bootstrap: Sequence[int],
        wake: Callable[[], None],
    ) -> None:
        times_ms = (config.request_timeout_ms, config.reconnect_backoff_ms, config.reconnect_backoff_max_ms)
        self.network = NetworkClient(owner, directory, *times_ms, client_id=client_id)
        self.group_network = NetworkClient(owner, directory, *times_ms, client_id=client_id)
        self.metadata = ClientMetadata(owner, self.network, bootstrap, config)
        self.group_network.on_disconnect = self.metadata.request_update
        self.subscriptions = Subscriptions()
        coordinator = CoordinatorClient(owner, group_id, self.network, self.group_network, self.metadata)
        handover = Handover(owner, group_id, client_id, self.subscriptions)
        context = MemberContext(
            owner, client_id, group_id, config, self.metadata, coordinator, self.subscriptions, handover, wake
        )
        self.member = MEMBERS[config.group_protocol](context)
        self.commits = self.member.commits = OffsetCommits(context, self.member)
        self.positions = Positions(
            owner, group_id, config, self.network, self.metadata, self.subscriptions, coordinator, wake
        )
        self.fetcher = Fetcher(owner, config, self.network, self.metadata, self.subscriptions, self.positions, wake)
        self.queries = OffsetQueries(owner, config, self.network, self.metadata)
        self.metadata.listen(wake)
        self.metadata.request_update()

    def hang_up(self) -> None:
        """Close all connections."""
        self.metadata.close()
        self.network.close()
        self.group_network.close()
