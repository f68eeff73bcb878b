"""Sphinx settings."""

from rodnan import __version__

project = "Rodnan"
author = "The Rodnan developers"
copyright = "The Rodnan developers"
version = release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.mathjax", "numpydoc"]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
numpydoc_show_class_members = False
html_theme = "furo"
html_title = "Rodnan"
exclude_patterns = ["_build"]
