"""A simulated hospital: a radiology department that sends a day of studies, with known ground truth."""
