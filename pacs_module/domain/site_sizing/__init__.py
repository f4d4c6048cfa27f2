"""How large a box has to be for a site: measured costs times the site's numbers."""
