"""A run for other people's tools: as a trace for Perfetto, and as metrics in OpenMetrics' text."""
