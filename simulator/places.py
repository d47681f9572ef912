"""A coarse table of places: which city and time zone some coordinates are in."""

from dataclasses import dataclass
import math
from typing import Final


@dataclass(frozen=True, slots=True)
class Place:
    """A city with its zone."""

    latitude: float
    longitude: float
    city: str
    state: str
    country: str
    zone: str


_PLACES: Final = (
    Place(48.8534, 2.3488, "Paris", "Ile-de-France", "France", "Europe/Paris"),
    Place(
        48.8848, 2.2685, "Neuilly-sur-Seine", "Ile-de-France", "France", "Europe/Paris"
    ),
    Place(52.52, 13.4049, "Mitte", "Berlin", "Germany", "Europe/Berlin"),
    Place(53.5511, 9.9937, "Hamburg", "Hamburg", "Germany", "Europe/Berlin"),
    Place(48.1374, 11.5755, "Munich", "Bavaria", "Germany", "Europe/Berlin"),
    Place(50.9333, 6.95, "Koeln", "North Rhine-Westphalia", "Germany", "Europe/Berlin"),
    Place(47.3667, 8.55, "Zurich", "Zurich", "Switzerland", "Europe/Zurich"),
    Place(48.2085, 16.3721, "Vienna", "Vienna", "Austria", "Europe/Vienna"),
    Place(51.5085, -0.1257, "London", "England", "United Kingdom", "Europe/London"),
    Place(53.3331, -6.2489, "Dublin", "Leinster", "Ireland", "Europe/Dublin"),
    Place(
        52.374, 4.8897, "Amsterdam", "North Holland", "Netherlands", "Europe/Amsterdam"
    ),
    Place(50.8505, 4.3488, "Brussels", "Brussels Capital", "Belgium", "Europe/Brussels"),
    Place(41.8919, 12.5113, "Rome", "Lazio", "Italy", "Europe/Rome"),
    Place(40.4165, -3.7026, "Madrid", "Madrid", "Spain", "Europe/Madrid"),
    Place(41.3888, 2.159, "Barcelona", "Catalonia", "Spain", "Europe/Madrid"),
    Place(38.7167, -9.1333, "Lisbon", "Lisbon", "Portugal", "Europe/Lisbon"),
    Place(55.6759, 12.5655, "Copenhagen", "Capital Region", "Denmark", "Europe/Copenhagen"),
    Place(59.3294, 18.0687, "Stockholm", "Stockholm", "Sweden", "Europe/Stockholm"),
    Place(59.9127, 10.7461, "Oslo", "Oslo", "Norway", "Europe/Oslo"),
    Place(60.1695, 24.9354, "Helsinki", "Uusimaa", "Finland", "Europe/Helsinki"),
    Place(64.1355, -21.8954, "Reykjavik", "Capital Region", "Iceland", "Atlantic/Reykjavik"),
    Place(52.2298, 21.0118, "Warsaw", "Mazovia", "Poland", "Europe/Warsaw"),
    Place(50.088, 14.4208, "Prague", "Prague", "Czechia", "Europe/Prague"),
    Place(47.498, 19.0399, "Budapest", "Budapest", "Hungary", "Europe/Budapest"),
    Place(37.9838, 23.7278, "Athens", "Attica", "Greece", "Europe/Athens"),
    Place(41.0138, 28.9497, "Istanbul", "Istanbul", "Turkey", "Europe/Istanbul"),
    Place(50.4547, 30.5238, "Kyiv", "Kyiv City", "Ukraine", "Europe/Kyiv"),
    Place(
        40.7143, -74.006, "New York City", "New York", "United States of America",
        "America/New_York",
    ),
    Place(
        41.85, -87.65, "Chicago", "Illinois", "United States of America",
        "America/Chicago",
    ),
    Place(
        39.7392, -104.9847, "Denver", "Colorado", "United States of America",
        "America/Denver",
    ),
    Place(
        34.0522, -118.2437, "Los Angeles", "California", "United States of America",
        "America/Los_Angeles",
    ),
    Place(
        37.7749, -122.4194, "San Francisco", "California", "United States of America",
        "America/Los_Angeles",
    ),
    Place(
        21.3069, -157.8583, "Honolulu", "Hawaii", "United States of America",
        "Pacific/Honolulu",
    ),
    Place(43.7001, -79.4163, "Toronto", "Ontario", "Canada", "America/Toronto"),
    Place(49.2497, -123.1193, "Vancouver", "British Columbia", "Canada", "America/Vancouver"),
    Place(19.4285, -99.1277, "Mexico City", "Mexico City", "Mexico", "America/Mexico_City"),
    Place(-23.5475, -46.6361, "Sao Paulo", "Sao Paulo", "Brazil", "America/Sao_Paulo"),
    Place(
        -34.6132, -58.3772, "Buenos Aires", "Buenos Aires F.D.", "Argentina",
        "America/Argentina/Buenos_Aires",
    ),
    Place(30.0626, 31.2497, "Cairo", "Cairo", "Egypt", "Africa/Cairo"),
    Place(-1.2833, 36.8167, "Nairobi", "Nairobi County", "Kenya", "Africa/Nairobi"),
    Place(-33.9258, 18.4232, "Cape Town", "Western Cape", "South Africa", "Africa/Johannesburg"),
    Place(25.0772, 55.3093, "Dubai", "Dubai", "United Arab Emirates", "Asia/Dubai"),
    Place(28.6519, 77.2315, "Delhi", "Delhi", "India", "Asia/Kolkata"),
    Place(27.7017, 85.3206, "Kathmandu", "Bagmati", "Nepal", "Asia/Kathmandu"),
    Place(13.754, 100.5014, "Bangkok", "Bangkok", "Thailand", "Asia/Bangkok"),
    Place(1.2897, 103.8501, "Singapore", "Singapore", "Singapore", "Asia/Singapore"),
    Place(39.9075, 116.3972, "Beijing", "Beijing", "China", "Asia/Shanghai"),
    Place(35.6895, 139.6917, "Tokyo", "Tokyo", "Japan", "Asia/Tokyo"),
    Place(37.566, 126.9784, "Seoul", "Seoul", "South Korea", "Asia/Seoul"),
    Place(-33.8678, 151.2073, "Sydney", "New South Wales", "Australia", "Australia/Sydney"),
    Place(-36.8485, 174.7635, "Auckland", "Auckland", "New Zealand", "Pacific/Auckland"),
)  # fmt: skip

_CITY_KM = 25.0
_ZONE_KM = 600.0


def _distance(latitude: float, longitude: float, place: Place) -> float:
    """Return kilometres, good enough for what is near."""
    mean = math.radians((latitude + place.latitude) / 2)
    east = (longitude - place.longitude + 180) % 360 - 180
    return 111.2 * math.hypot(latitude - place.latitude, east * math.cos(mean))


def _nearest(latitude: float, longitude: float) -> tuple[float, Place]:
    return min(
        ((_distance(latitude, longitude, place), place) for place in _PLACES),
        key=lambda found: found[0],
    )


def place_at(latitude: float, longitude: float) -> Place | None:
    """Return the place within 25 km, as far as the real server looks."""
    distance, place = _nearest(latitude, longitude)
    return place if distance <= _CITY_KM else None


def zone_at(latitude: float, longitude: float) -> str | None:
    """Return the time zone of the nearest place that is not too far."""
    distance, place = _nearest(latitude, longitude)
    return place.zone if distance <= _ZONE_KM else None
