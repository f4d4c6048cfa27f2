"""The page on which a PACS is asked what it can do: the page itself, and the asking."""
