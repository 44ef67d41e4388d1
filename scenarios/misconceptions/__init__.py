"""What people say of Kafka, and the run that refutes it."""

__all__ = ["MODULES"]

MODULES: tuple[str, ...] = (
    "slow_poll_evicts",
    "range_is_lopsided",
    "poll_below_session",
    "committed_is_last_read",
    "n_minus_one_writes",
    "exactly_once_at_the_gateway",
    "more_consumers_fix_lag",
    "unread_is_kept",
    "all_means_all",
    "two_failures_tolerated",
    "exactly_once_has_a_price_tag",
    "lag_is_a_delay",
)
