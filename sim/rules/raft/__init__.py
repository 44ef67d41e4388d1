"""The rules of the metadata quorum: roles, votes, commits (KIP-595, KIP-996)."""
