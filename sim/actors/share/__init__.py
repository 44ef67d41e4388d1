"""Share groups (KIP-932): coordinator, partition leaders, consumers."""
