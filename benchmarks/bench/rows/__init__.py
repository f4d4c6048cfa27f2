"""The rows of ``make bench``, one module each; a module has ``ROW``."""
