"""Privacy: patients' data are removed when their age is over, or when one patient is to be forgotten."""
