"""Chance: one seed, and a stream of its own for each name.

Adding an actor changes no other stream, so two configurations can be compared on the same arrivals.
"""

import random
from hashlib import sha256

import numpy

__all__ = ["Streams"]


class Streams:
    """Random streams by name, all derived from one seed; independent of hash seeds and platform."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._scalars: dict[str, random.Random] = {}

    def __getitem__(self, name: str) -> random.Random:
        """The stream of this name for single draws; the same object at each call."""
        if name not in self._scalars:
            self._scalars[name] = random.Random(self._digest(name))
        return self._scalars[name]

    def columns(self, name: str) -> numpy.random.Generator:
        """A new generator for whole columns of draws, always starting at the beginning of this name's stream."""
        return numpy.random.default_rng(self._digest(name))

    def _digest(self, name: str) -> int:
        return int.from_bytes(sha256(f"{self.seed}/{name}".encode()).digest()[:16], "big")
