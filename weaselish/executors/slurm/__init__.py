"""Runs jobs in the queue of Slurm, on nodes that share the file system of this machine."""
