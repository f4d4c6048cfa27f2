"""Server: the Orthanc that we run in. A client of its REST API, its change log, its jobs, files and log."""
