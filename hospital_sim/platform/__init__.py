"""A regional platform that takes images in, with any bad habit: for destinations to be tried against."""
