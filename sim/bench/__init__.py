"""How fast this machine flies: named workloads against SimPy's bare events."""
