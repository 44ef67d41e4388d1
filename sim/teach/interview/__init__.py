"""The interview trainer: 66 questions, each answered by an experiment that is run live."""
