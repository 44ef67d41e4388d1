"""The processes of a Kafka installation: brokers, controllers and clients."""
