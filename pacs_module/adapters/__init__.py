"""The world behind the ports: one technology each, foreign errors translated here and nowhere else."""
