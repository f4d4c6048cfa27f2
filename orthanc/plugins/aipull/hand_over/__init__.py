"""
Hand over: the chosen series in the backend's folder, pacs_module told of it, and the study deleted here.

Also what keeps that folder true: hand-overs that the journal does not know, files that are gone, pushes that
nobody has compared with the PACS.
"""
