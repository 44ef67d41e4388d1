"""A flight simulator for Apache Kafka."""
