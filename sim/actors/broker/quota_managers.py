"""A broker's quotas of clients: what each has used, and for how long its connection is not read.

Source: core/src/main/java/kafka/server/QuotaFactory.java; core/src/main/scala/kafka/server/KafkaApis.scala,
    RequestHandlerHelper.scala
Fidelity: approximate — every connection is of the user ANONYMOUS; the work of network threads does not count as
    request handler time; all of a request's processor time counts when it is answered
"""

from collections.abc import Mapping

from sim.actors.broker.socket_server import ServerRequest
from sim.machine.clock import SECOND
from sim.rules.config import BrokerConfig
from sim.rules.protocol.messages import Message
from sim.rules.quotas import ANONYMOUS, ClientQuota, quotas_from

__all__ = ["ClientQuotas", "QuotaManagers"]

ClientQuotas = Mapping[str | tuple[str, str], Mapping[str, float]]
"""Settings such as `producer_byte_rate` by client id, or by (user, client id); `<default>` is anybody."""


class QuotaManagers:
    """Bytes produced, bytes fetched and request handler time of one life of a broker."""

    def __init__(self, quotas: ClientQuotas, config: BrokerConfig) -> None:
        sample_count, window_ms = config.quota_window_num, config.quota_window_size_seconds * 1000
        self.produce = ClientQuota(quotas_from(quotas, "producer_byte_rate"), sample_count, window_ms)
        self.fetch = ClientQuota(quotas_from(quotas, "consumer_byte_rate"), sample_count, window_ms)
        self.request = ClientQuota(quotas_from(quotas, "request_percentage"), sample_count, window_ms, window_ms)
        self.enabled = self.produce.enabled or self.fetch.enabled or self.request.enabled

    def produced(self, request: ServerRequest, acks: int, work: int, now_ms: int) -> int:
        """Throttle time in milliseconds for a produce request; without acks its work is not counted."""
        if not self.enabled:
            return 0
        throttle_ms = self.produce.record(ANONYMOUS, request.client_id, request.size_bytes, now_ms)
        return throttle_ms if acks == 0 else max(throttle_ms, self._worked(request, work, now_ms))

    def fetched(self, request: ServerRequest, size_bytes: int, work: int, now_ms: int) -> int:
        """Throttle time in milliseconds for a consumer's fetch; the bytes are not counted then, as none are sent."""
        if not self.enabled:
            return 0
        throttle_ms = self._worked(request, work, now_ms)
        throttle_ms = max(throttle_ms, self.fetch.record(ANONYMOUS, request.client_id, size_bytes, now_ms))
        if throttle_ms > 0:
            self.fetch.unrecord(ANONYMOUS, request.client_id, size_bytes, now_ms)
        return throttle_ms

    def fetch_max_bytes(self, request: ServerRequest, max_bytes: int) -> int:
        """No more for a consumer than what would not be throttled after a long rest."""
        if not self.fetch.enabled:
            return max_bytes
        return int(min(max_bytes, self.fetch.most_in_window(ANONYMOUS, request.client_id)))

    def answered(self, request: ServerRequest, response: Message, work: int, now_ms: int) -> None:
        """Put the throttle time into the response to any other request."""
        if self.enabled:
            response.throttle_time_ms = self._worked(request, work, now_ms)

    def _worked(self, request: ServerRequest, work: int, now_ms: int) -> int:
        return self.request.record(ANONYMOUS, request.client_id, 100 * work / SECOND, now_ms)
