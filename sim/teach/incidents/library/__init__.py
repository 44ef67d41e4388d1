"""The incidents: pages by id."""

from collections.abc import Mapping

from sim.teach.incidents.incident import Incident
from sim.teach.incidents.library.brokers import BROKERS
from sim.teach.incidents.library.groups import GROUPS
from sim.teach.incidents.library.outcomes import OUTCOMES
from sim.teach.incidents.library.producers import PRODUCERS

__all__ = ["INCIDENTS"]

INCIDENTS: Mapping[str, Incident] = {
    incident.incident_id: incident for incident in (*GROUPS, *PRODUCERS, *BROKERS, *OUTCOMES)
}
"""All incidents by id, in the order in which they are listed."""
