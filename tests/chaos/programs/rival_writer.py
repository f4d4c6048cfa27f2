"""
``rival_writer.py STORE``: writes to the study store and never ends its transaction; whoever started it kills
it.
"""

import sqlite3
import sys
import threading

connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=60)
connection.execute("PRAGMA journal_mode=WAL")
connection.execute("BEGIN IMMEDIATE")
connection.execute(
    "UPDATE study_info_list SET document = json_set(document, '$.why', 'a write that never ends')"
)
print("holding", flush=True)
threading.Event().wait()
