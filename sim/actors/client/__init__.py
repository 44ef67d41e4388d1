"""What all clients have in common, and the application that owns them."""
