"""Runs jobs as tasks of Dask: the driver here, the task on a worker, and the process that it starts there."""
