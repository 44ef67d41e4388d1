"""The world of a run: cluster, applications, workload and faults; the only place that knows everyone."""
