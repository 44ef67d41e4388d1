"""What happens in a flight, as values for the journal."""
