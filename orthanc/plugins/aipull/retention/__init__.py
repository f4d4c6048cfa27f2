"""What the plugins keep of patients goes when its age is over, or when one patient is to be forgotten."""
