"""Who sends images to a PACS: the department, a folder of files, a stranger; each by C-STORE."""
