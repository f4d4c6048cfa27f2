"""
Journal: the plugins' SQLite file, which survives any death of the process.

``journal`` opens the file, each other module has the rows of one table, ``tables`` all of them together.
``audit`` shows the content to pacs_module.
"""
