"""Sphinx settings."""

import sys
from pathlib import Path

from rodnan import __version__

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "Rodnan"
author = "The Rodnan developers"
copyright = "The Rodnan developers"
version = release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "numpydoc", "mathml"]
myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 3
autodoc_typehints = "signature"
numpydoc_show_class_members = False
smartquotes = False
html_math_renderer = "mathml"
html_theme = "furo"
html_title = "Rodnan"
html_static_path = ["_static"]
html_css_files = ["rodnan.css"]
exclude_patterns = ["_build", "examples"]
