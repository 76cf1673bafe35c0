# SPDX-License-Identifier: MIT
"""Configuration of Sphinx for `make doc`; doc/site/build prepares the pages."""
import os
import re

with open(os.path.join(os.environ["PINNED_SOURCE"], "dkms.conf"), encoding="utf-8") as file:
    version = release = re.search(r'^PACKAGE_VERSION="(.*)"', file.read(), re.M)[1]
project = "pinned-mem"
html_title = f"pinned-mem {version}"
copyright = ""  # pylint: disable=redefined-builtin
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
root_doc = "index"
# Links of the documents to headings, as GitHub makes them.
myst_heading_anchors = 4
suppress_warnings = ["myst.header", "misc.highlighting_failure"]
# The examples are not all C, and few are Python.
highlight_language = "none"
html_theme = "alabaster"
html_theme_options = {"fixed_sidebar": False, "page_width": "76rem", "description": "Memory that devices read and write in place"}
html_sidebars = {"**": ["about.html", "searchbox.html", "navigation.html"]}
html_static_path = ["style"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_show_copyright = False
