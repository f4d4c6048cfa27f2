"""
The pipeline on one Debian machine without containers: what systemd starts, from one file of settings.

Standard library, and :mod:`site_check` for what a value may be. Begins nothing at import.
"""
