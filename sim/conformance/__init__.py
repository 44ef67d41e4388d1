"""Kafka's own answers, and the rules put to them."""
