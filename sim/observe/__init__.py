"""Observers: they read everything and change nothing."""
