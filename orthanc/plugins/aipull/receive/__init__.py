"""
Receive: the images that arrive, by C-MOVE or by push, judged and counted until the study is decided.

``ask_pacs`` asks the PACS itself, ``ask_pacs_module`` asks our own service what the PACS has.
"""
