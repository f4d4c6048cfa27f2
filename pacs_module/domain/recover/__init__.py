"""
Recover: what the records of an installation know of each other, and what to do where one has lost something.
"""
