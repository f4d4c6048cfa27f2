"""Result objects: read and given their patient back in a child process, kept in folders, made of JSON."""
