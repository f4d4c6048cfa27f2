"""C-FIND at the simulated PACS: queries, matching, answers, and the habits that add to them or spoil them."""
