"""What a clerk would point at on the screen, one file a module."""
