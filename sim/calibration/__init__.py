"""A hardware profile from what performance tools have measured on real machines."""

from sim.calibration.fitting import Calibration, calibrate
from sim.calibration.measurements import Measurement, read_measurements

__all__ = ["Calibration", "Measurement", "calibrate", "read_measurements"]
