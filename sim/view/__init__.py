"""Pictures of a run and of a plan; the only place that knows matplotlib, and nothing imports it before it draws."""
