"""What a broker does with the requests of administrators: answer from its metadata and groups, or forward them.

Source: core/src/main/scala/kafka/server/KafkaApis.scala
Fidelity: approximate — configurations of topics only
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from sim.actors.broker.forwarding import FORWARDED, Forwarding
from sim.actors.broker.socket_server import ServerRequest
from sim.rules.controller.topic_configs import ConfigEntry, config_entries
from sim.rules.errors import ErrorCode
from sim.rules.protocol.group_admin import (
    DeleteGroupRequest,
    DescribeGroupRequest,
    ListGroupsRequest,
    OffsetDeleteRequest,
)
from sim.rules.protocol.messages import Message
from sim.rules.protocol.topic import DescribeConfigsRequest, DescribeConfigsResponse

if TYPE_CHECKING:
    from sim.actors.broker.broker import Broker

__all__ = ["admin_handlers"]


def admin_handlers(broker: "Broker") -> dict[type[Message], Callable[[ServerRequest], None]]:
    """The handlers of one life of a broker, by kind of request."""
    groups = broker.groups.admin
    return {
        ListGroupsRequest: groups.list_groups,
        DescribeGroupRequest: groups.describe,
        DeleteGroupRequest: groups.delete,
        OffsetDeleteRequest: groups.delete_offsets,
        DescribeConfigsRequest: lambda request: _describe_configs(broker, request),
        **dict.fromkeys(FORWARDED, Forwarding(broker).handle),
    }


def _describe_configs(broker: "Broker", request: ServerRequest) -> None:
    body = request.body
    assert isinstance(body, DescribeConfigsRequest)
    found: dict[str, list[ConfigEntry] | ErrorCode] = {}
    for topic, keys in body.topics.items():
        if topic not in broker.image.partition_counts:
            found[topic] = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
            continue
        entries = config_entries(broker.config, broker.image.topic_configs.get(topic, {}))
        found[topic] = [entry for entry in entries if keys is None or entry.name in keys]
    broker.reply(request, DescribeConfigsResponse(found))
