"""Transactions: in the log, at the coordinator, in the client."""
