"""The site made of these pages: `python -m sphinx -W -c docs . build/site`. A warning, as of a link that leads nowhere,
fails it."""

from recorder.version import VERSION

project = "recorder"
version = release = VERSION
extensions = ["myst_parser"]
root_doc = "docs/index"
include_patterns = ["*.md", "docs/*.md", "benchmarks/RESULTS.md", "recorder/_core/README.md"]
myst_heading_anchors = 4  # links to headings are written as they are on the pages of the repository
html_theme = "alabaster"
html_theme_options = {"description": "A flight recorder for Python", "page_width": "70em"}
html_show_sphinx = html_show_copyright = False
