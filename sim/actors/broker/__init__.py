"""A broker: replicas, requests, background tasks."""
