"""
The questions of the probe, by what they are about.

Each takes the session: what has been asked and found so far. They never repeat a patient's value in a
finding.
"""
