"""Share groups (KIP-932): records acquired, acknowledged, delivered again."""
