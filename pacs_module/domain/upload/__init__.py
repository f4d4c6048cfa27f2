"""Uploads: which destinations a hand-over goes to, under which names, and where each upload stands."""
