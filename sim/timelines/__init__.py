"""Recordings of a real cluster, flown again from their files and compared figure by figure."""
