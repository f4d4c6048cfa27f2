"""Server: the Orthanc around us, over its REST API."""
