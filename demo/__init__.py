"""``make demo``: a whole run of the pipeline in front of one's eyes, judged from the PACS's content and the backend's own record."""
