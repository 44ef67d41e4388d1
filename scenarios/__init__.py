"""Stories to fly: each scenario is a value with a docstring."""
