"""Privacy: how long patients' data are kept, and what stands in the place of an identifier."""
