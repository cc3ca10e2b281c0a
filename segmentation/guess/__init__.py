"""Guess columns, dates and rules for files without a configuration, each with its evidence. No Spark."""
