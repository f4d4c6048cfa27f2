"""
``make demo``: a whole run of the pipeline before your eyes, judged from the PACS's content and the backend's
record.
"""
