"""Drawings of the graph: boxes for a terminal, SVG, and a page of HTML."""
