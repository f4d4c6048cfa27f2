"""
Find: what to ask a PACS and when, what its answers are worth, and when a study has stopped growing.
"""
