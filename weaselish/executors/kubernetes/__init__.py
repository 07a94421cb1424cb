"""Runs jobs in the pods of a Kubernetes cluster."""
