"""The machine under the actors: clock, chance, network and devices."""
