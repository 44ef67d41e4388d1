"""Teaching: exercises that judge answers, interview questions with their proof, and the incident room."""

from sim.teach.exercises.checking import check, exercise
from sim.teach.knob import knob
from sim.teach.prediction import predicted

__all__ = ["check", "exercise", "knob", "predicted"]
