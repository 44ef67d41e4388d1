"""Teaching: exercises that judge answers, interview questions with their proof, and the incident room."""
