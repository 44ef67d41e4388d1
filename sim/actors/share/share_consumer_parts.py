"""The parts of one share consumer, put together."""

from collections.abc import Callable, Sequence

from sim.actors.client.client_metadata import ClientMetadata
from sim.actors.client.coordinator_client import CoordinatorClient
from sim.actors.client.network_client import Directory, NetworkClient
from sim.actors.consumer.group_member import MemberContext
from sim.actors.consumer.handover import Handover
from sim.actors.consumer.subscriptions import Subscriptions
from sim.actors.share.share_fetcher import Outcomes, ShareFetcher
from sim.actors.share.share_membership import ShareMembership
from sim.machine.actor import Actor
from sim.rules.config import ShareConsumerConfig

__all__ = ["ShareConsumerParts"]


class ShareConsumerParts:
    """Connections, metadata, membership and fetches of one share consumer.

    `wake` is called when something has happened that fetches, or a waiting poll(), should look at.
    """

    def __init__(
        self,
        owner: Actor,
        client_id: str,
        group_id: str,
        config: ShareConsumerConfig,
        directory: Directory,
        bootstrap: Sequence[int],
        wake: Callable[[], None],
        told: Outcomes,
    ) -> None:
        times_ms = (config.request_timeout_ms, config.reconnect_backoff_ms, config.reconnect_backoff_max_ms)
        self._network = NetworkClient(owner, directory, *times_ms, client_id=client_id)
        self._group_network = NetworkClient(owner, directory, *times_ms, client_id=client_id)
        self._metadata = ClientMetadata(owner, self._network, bootstrap, config)
        self._group_network.on_disconnect = self._metadata.request_update
        self.subscriptions = Subscriptions()
        coordinator = CoordinatorClient(owner, group_id, self._network, self._group_network, self._metadata)
        handover = Handover(owner, group_id, client_id, self.subscriptions)
        self.member = ShareMembership(
            MemberContext(
                owner, client_id, group_id, config, self._metadata, coordinator, self.subscriptions, handover, wake
            )
        )
        self.fetcher = ShareFetcher(
            owner,
            group_id,
            config,
            self._network,
            self._metadata,
            self.subscriptions,
            lambda: self.member.member_id,
            wake,
            told,
        )
        self._metadata.listen(wake)
        self._metadata.request_update()

    def hang_up(self) -> None:
        """Close all connections."""
        self._metadata.close()
        self._network.close()
        self._group_network.close()
