"""Swarm testing: each seed draws a cluster, clients and faults, flies them, and everything must come right in the end."""
