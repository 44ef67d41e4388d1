"""When the controller holds a broker for alive, and when it lets one register.

Left out: failed log directories.
"""

from sim.rules.controller.metadata import BrokerRegistration
from sim.rules.errors import ErrorCode

__all__ = ["fence_check_interval", "has_valid_session", "is_clean_shutdown", "registration_refusal"]


def has_valid_session(last_contact: int | None, now: int, session: int) -> bool:
    """Whether a broker last heard of at `last_contact` (None for never) still counts as alive; all in one unit.

    Source: metadata/src/main/java/org/apache/kafka/controller/BrokerHeartbeatTracker.java hasValidSession, isExpired
    Fidelity: exact
    """
    return last_contact is not None and last_contact + session >= now


def fence_check_interval(session: int) -> int:
    """How often the controller looks for a broker whose session has run out, in the unit of `session`.

    Source: metadata/src/main/java/org/apache/kafka/controller/QuorumController.java maybeFenceStaleBrokerPeriodNs
    Fidelity: exact
    """
    return session // 8


def registration_refusal(
    existing: BrokerRegistration | None, incarnation: int, existing_session_valid: bool
) -> ErrorCode | None:
    """Why a broker may not register, or None: a new process waits until the session of the old one has run out.

    Source: metadata/src/main/java/org/apache/kafka/controller/ClusterControlManager.java registerBroker
    Fidelity: exact
    """
    if existing is not None and existing_session_valid and existing.incarnation != incarnation:
        return ErrorCode.DUPLICATE_BROKER_REGISTRATION
    return None


def is_clean_shutdown(existing: BrokerRegistration | None, previous_broker_epoch: int) -> bool:
    """Whether a broker that registers ended its last life cleanly: it still has the epoch of that life on its disk.

    `previous_broker_epoch` is -1 when it has none.

    Source: metadata/src/main/java/org/apache/kafka/controller/ClusterControlManager.java registerBroker
    Fidelity: exact
    """
    return existing is not None and existing.broker_epoch == previous_broker_epoch
