"""The servers of a pipeline, each as a process or as a few."""
