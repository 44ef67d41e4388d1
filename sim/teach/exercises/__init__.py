"""The exercises of the notebooks, chapter by chapter, and the judge of their answers."""
