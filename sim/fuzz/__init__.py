"""Swarm testing: each seed draws a cluster, clients and faults, and in the end everything must come right."""
