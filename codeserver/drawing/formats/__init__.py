"""Diagrams as trees for the terminal, SVG, Mermaid, dot and JSON."""
