"""Capacity: published measurements and recordings of a real cluster, recreated on the hardware they were made on."""
