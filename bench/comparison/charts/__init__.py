"""Charts of the results: SVG of a few KB that can be read on light and on dark pages."""
