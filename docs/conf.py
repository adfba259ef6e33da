# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Configuration of Sphinx."""

import dynkd

project = 'DynKD'
author = 'DynKD contributors'
copyright = 'DynKD contributors'
release = version = dynkd.__version__

extensions = [
    'myst_parser',
    'sphinx.ext.autodoc',
    'sphinx.ext.mathjax',
    'sphinx.ext.napoleon',
    'sphinx.ext.viewcode',
    'sphinx_copybutton',
]
exclude_patterns = ['_build']

myst_enable_extensions = ['colon_fence', 'dollarmath']
myst_heading_anchors = 4

autodoc_member_order = 'bysource'
autodoc_typehints = 'none'
napoleon_numpy_docstring = False

html_theme = 'furo'
html_title = f'DynKD {release}'
html_static_path = ['_static']

copybutton_exclude = '.linenos, .gp'
