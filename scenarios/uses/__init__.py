"""What Kafka is used for: payments and fraud, clicks, logs, things, services."""

__all__ = ["MODULES"]

MODULES: tuple[str, ...] = ("payment_fraud", "clickstream", "log_aggregation", "iot_streaming", "order_saga")
