"""Coordinators of groups and transactions, which brokers run on the side."""
