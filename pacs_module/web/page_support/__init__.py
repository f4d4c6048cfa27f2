"""What all pages share: templates, languages, sessions' forms, live updates, files."""
