"""
``make site-check``: reads .env and the files that it names before anything starts, and tells all of it at
once.

Standard library only, and only what of pacs_module needs no more: it runs on a host that has Docker and
Python 3.11 and nothing of ours installed.
"""
