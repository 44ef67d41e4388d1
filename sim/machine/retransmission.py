"""When TCP, as Linux has it, sends again what was not acknowledged."""

from sim.machine.clock import MILLISECOND, SECOND

__all__ = ["RETRANSMISSION_TIMEOUT", "next_retransmission", "syn_timeout"]

RETRANSMISSION_TIMEOUT = 208 * MILLISECOND
"""What a lost packet costs: Linux adds 200 ms at least to the smoothed round trip, which holds the time that answers
take, as acknowledgements ride on them: some milliseconds (estimated; RFC 6298 asks for one second)."""

LONGEST_RETRANSMISSION = 120 * SECOND
"""Linux doubles the time-out with each attempt up to this one (TCP_RTO_MAX)."""

PROBE_INTERVAL = 500 * MILLISECOND
"""Where the sender's own host drops a packet, Linux tries again after this time (TCP_RESOURCE_PROBE_INTERVAL)."""

LINEAR_SYNS = 4
"""So many repeated SYNs do not make the time-out longer (net.ipv4.tcp_syn_linear_timeouts)."""


def next_retransmission(since: int, now: int, filtered: bool) -> int:
    """When TCP tries again, not before `now`, what it has tried in vain from `since` on; nanoseconds.

    The time-outs double; where the sender's own host drops the packet (`filtered`) they do not.

    Source: Linux net/ipv4/tcp_timer.c tcp_retransmit_timer
    Fidelity: approximate — the first time-out is the same for every connection
    """
    due, timeout = since + RETRANSMISSION_TIMEOUT, RETRANSMISSION_TIMEOUT
    if filtered and due < now:
        return due + -(-(now - due) // PROBE_INTERVAL) * PROBE_INTERVAL
    while due < now:
        timeout = min(2 * timeout, LONGEST_RETRANSMISSION)
        due += timeout
    return due


def syn_timeout(repeated: int, filtered: bool) -> int:
    """How long Linux waits for an answer to a SYN that it has repeated so often, in nanoseconds.

    One second the first five times, then twice as long each time; what its own host drops (`filtered`) it repeats
    sooner.

    Source: Linux net/ipv4/tcp_timer.c tcp_retransmit_timer
    Fidelity: exact
    """
    if filtered and repeated:
        return PROBE_INTERVAL
    return SECOND << max(0, repeated - LINEAR_SYNS)
