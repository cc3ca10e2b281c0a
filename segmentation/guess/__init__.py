"""Files without a configuration in, the likely columns, dates and rules out, each with its evidence. No Spark."""
