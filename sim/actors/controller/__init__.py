"""The KRaft controller and its metadata log."""
