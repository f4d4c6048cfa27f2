"""
The site's own switches over orthanc/config/config.py, for both processes; an unknown key or a bad value stops
the start.

After a change: systemctl restart aipull-orthanc aipull-pacs
"""

# FIND_PACS_USE_SERIES = True
# KEYWORDS = ["CHEST", "THORAX", "LUNG", "PULMO", "胸", "肺", "STND"]
