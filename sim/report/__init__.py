"""A run as one page of HTML: its story, pictures, verdict and facts, and a replay that can be slowed down."""
