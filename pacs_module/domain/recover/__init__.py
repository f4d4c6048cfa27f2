"""
Recover: the store, the journal and the queue compared, and what to do where one of them has lost something.
"""
