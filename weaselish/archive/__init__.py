"""Outputs as archives: deterministic packing and safe unpacking."""
