"""
The AI pull plugins of the receiving Orthanc: they pull, receive, judge and hand over.

``entry`` is what the script for Orthanc calls, ``wiring`` builds the parts, ``plugin_api`` has the HTTP
routes ``/aipull/...`` that pacs_module calls.
"""
