"""Plain rows in, matplotlib figures out, in one style; `drawing` collects the rows and puts the files."""
