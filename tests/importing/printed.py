"""What the tools print of one small cluster, in their formats."""

__all__ = ["GROUPS", "KCAT", "TOPICS"]

TOPICS = (
    "Topic: payments\tTopicId: Rk3xJ0\tPartitionCount: 3\tReplicationFactor: 3\t"
    "Configs: min.insync.replicas=2,cleanup.policy=compact,delete,confluent.tier.enable=true\n"
    "\tTopic: payments\tPartition: 0\tLeader: 102\tReplicas: 102,103,101\tIsr: 102,103,101\tElr: \tLastKnownElr: \n"
    "\tTopic: payments\tPartition: 1\tLeader: 103\tReplicas: 103,101,102\tIsr: 103,101\tElr: \tLastKnownElr: \n"
    "\tTopic: payments\tPartition: 2\tLeader: none\tReplicas: 101,102,103\tIsr: \tElr: 101\tLastKnownElr: \n"
    "Topic: __consumer_offsets\tTopicId: b\tPartitionCount: 1\tReplicationFactor: 1\tConfigs: \n"
    "\tTopic: __consumer_offsets\tPartition: 0\tLeader: 104\tReplicas: 104\tIsr: 104\n"
)

GROUPS = """
GROUP           TOPIC           PARTITION  CURRENT-OFFSET  LOG-END-OFFSET  LAG  CONSUMER-ID  HOST  CLIENT-ID
fraud           payments        0          100             120             20         fraud-1-a3f     /10.0.0.1  fraud-1
fraud           payments        1          90              110             20         fraud-1-a3f     /10.0.0.1  fraud-1
fraud           payments        2          -               130             -          fraud-2-77e     /10.0.0.2  fraud-2

Consumer group 'audit' has no active members.

GROUP           TOPIC           PARTITION  CURRENT-OFFSET  LOG-END-OFFSET  LAG  CONSUMER-ID  HOST  CLIENT-ID
audit           payments        0          20              120             100        -               -          -
"""

KCAT = """{"originating_broker": {"id": 101, "name": "kafka-1:9092/101"}, "query": {"topic": "*"}, "controllerid": 101,
"brokers": [{"id": 101, "name": "kafka-1:9092"}, {"id": 102, "name": "kafka-2:9092"}],
"topics": [{"topic": "payments", "partitions": [
{"partition": 1, "leader": 101, "replicas": [{"id": 101}, {"id": 102}], "isrs": [{"id": 101}]},
{"partition": 0, "leader": 102, "replicas": [{"id": 102}, {"id": 101}], "isrs": [{"id": 102}, {"id": 101}]}]}]}
"""
