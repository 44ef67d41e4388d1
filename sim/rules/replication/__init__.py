"""What a leader and its followers agree on: in-sync replicas and the high watermark."""
