"""
What a backend makes of a study: which objects are taken, whose they are, and where each set of them stands.
"""
