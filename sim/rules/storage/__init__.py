"""The log of one partition: batches, segments, what is cut, deleted and compacted."""
