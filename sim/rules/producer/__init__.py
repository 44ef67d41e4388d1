"""What producers do before a batch leaves, and what brokers remember of them."""
