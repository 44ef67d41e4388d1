"""What people say of Kafka, and the run that refutes it."""

__all__ = ["MODULES"]

MODULES: tuple[str, ...] = (
    "slow_poll_evicts",
    "range_is_lopsided",
    "poll_below_session",
    "assignment_orders",
    "n_minus_one_writes",
    "exactly_once_has_a_price_tag",
    "more_consumers_fix_lag",
    "two_failures_tolerated",
    "unread_is_kept",
    "all_means_all",
    "adding_partitions_is_safe",
    "committed_is_last_read",
    "lag_is_a_delay",
    "exactly_once_at_the_gateway",
)
