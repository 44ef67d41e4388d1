"""What Kafka decides: pure rules without clock, randomness or input and output."""
