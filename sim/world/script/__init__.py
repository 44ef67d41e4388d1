"""Scenarios as data: what a TOML file says, and what a fuzzer draws."""
