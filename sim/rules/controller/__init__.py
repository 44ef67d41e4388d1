"""What the controller decides: brokers alive, leaders, places of replicas, topics."""
