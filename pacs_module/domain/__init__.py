"""
The pure core: every decision of the pipeline as a function over plain values.

Nothing here reads a clock, an environment variable, a file or a random number; nothing is imported but the
standard library and this package (``tests/unit/domain/test_boundary.py`` holds it). Time and policy are
arguments. The plugins inside Orthanc and pacs_module both import it, so that filter rules, states, log lines
and message shapes exist once.
"""
