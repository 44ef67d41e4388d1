"""The admin client: what kafka-topics.sh, kafka-configs.sh, kafka-consumer-groups.sh and their like do.

Methods have the names of kafka-python's KafkaAdminClient and confluent-kafka's AdminClient, and wait for the answer:
`yield from admin.create_topics([NewTopic("payments", 3, 3)])`.

Source: clients/src/main/java/org/apache/kafka/clients/admin/KafkaAdminClient.java
Fidelity: approximate — one call at a time; configurations of topics only
Left out: users, quotas, access control, transactions, log directories, features.
"""

from sim.actors.admin.admin_groups import AdminGroups, GroupDescription, PartitionLag
from sim.actors.admin.admin_topics import AdminTopics, ClusterDescription, TopicDescription
from sim.rules.controller.topic_configs import AlterConfigOp, AlterConfigOpType
from sim.rules.protocol.topic import NewPartitions, NewTopic

__all__ = [
    "Admin",
    "AlterConfigOp",
    "AlterConfigOpType",
    "ClusterDescription",
    "GroupDescription",
    "NewPartitions",
    "NewTopic",
    "PartitionLag",
    "TopicDescription",
]


class Admin(AdminTopics, AdminGroups):
    """An administrator's client; what is refused raises AdminError, no answer in time ClientTimeoutError."""

    list_groups = AdminGroups.list_consumer_groups
