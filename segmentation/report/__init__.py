"""A run's findings in, one HTML page for people out."""
