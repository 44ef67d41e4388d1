"""The incident room: a page, metrics and nothing else; a diagnosis, a fix, and what became of it."""

from sim.machine.hardware import nearest
from sim.rules.errors import ConfigError
from sim.teach.incidents.incident import Incident, seed_of
from sim.teach.incidents.library import INCIDENTS
from sim.teach.incidents.room import Room

__all__ = ["INCIDENTS", "Incident", "Room", "find", "open_room"]


def find(incident_id: str) -> Incident:
    """An incident by its id. Raises ConfigError, one line with the nearest one."""
    if incident_id not in INCIDENTS:
        raise ConfigError(f"unknown incident {incident_id!r}{nearest(incident_id, INCIDENTS)}")
    return INCIDENTS[incident_id]


def open_room(incident_id: str, student: str = "", seed: int = 0) -> Room:
    """The room of an incident, with a variant of one's own for each student, or else for each seed.

    Raises ConfigError, one line, for an unknown incident.
    """
    return Room(find(incident_id), seed_of(student) if student else seed)
