"""Consumer groups, classic and of the consumer protocol (KIP-848)."""
