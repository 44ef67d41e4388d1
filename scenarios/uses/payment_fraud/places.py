"""Cities where customers live, and the distance between two places."""

from math import asin, cos, radians, sin, sqrt
from typing import NamedTuple

__all__ = ["CITIES", "City", "great_circle_km"]

EARTH_RADIUS_KM = 6371.0088


class City(NamedTuple):
    """A city and its centre in degrees."""

    name: str
    latitude: float
    longitude: float


CITIES = (
    City("Amsterdam", 52.37, 4.90),
    City("Athens", 37.98, 23.73),
    City("Berlin", 52.52, 13.40),
    City("Boston", 42.36, -71.06),
    City("Buenos Aires", -34.60, -58.38),
    City("Cape Town", -33.92, 18.42),
    City("Chicago", 41.88, -87.63),
    City("Delhi", 28.61, 77.21),
    City("Dublin", 53.35, -6.26),
    City("Istanbul", 41.01, 28.98),
    City("Lagos", 6.52, 3.38),
    City("Lisbon", 38.72, -9.14),
    City("London", 51.51, -0.13),
    City("Madrid", 40.42, -3.70),
    City("Melbourne", -37.81, 144.96),
    City("Mexico City", 19.43, -99.13),
    City("Nairobi", -1.29, 36.82),
    City("New York", 40.71, -74.01),
    City("Oslo", 59.91, 10.75),
    City("Paris", 48.86, 2.35),
    City("Rome", 41.90, 12.50),
    City("San Francisco", 37.77, -122.42),
    City("São Paulo", -23.55, -46.63),
    City("Singapore", 1.35, 103.82),
    City("Tokyo", 35.68, 139.65),
    City("Toronto", 43.65, -79.38),
    City("Vienna", 48.21, 16.37),
    City("Warsaw", 52.23, 21.01),
)


def great_circle_km(latitude_a: float, longitude_a: float, latitude_b: float, longitude_b: float) -> float:
    """The shortest way over the globe between two places in degrees (haversine formula)."""
    a, b = radians(latitude_a), radians(latitude_b)
    half_north = sin((b - a) / 2)
    half_east = sin(radians(longitude_b - longitude_a) / 2)
    root = sqrt(half_north * half_north + cos(a) * cos(b) * half_east * half_east)
    return 2 * EARTH_RADIUS_KM * asin(min(1.0, root))
