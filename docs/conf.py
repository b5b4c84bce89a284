"""Sphinx's configuration: pages are in Markdown, the reference comes from the docstrings."""

from __future__ import annotations

import os
from pathlib import Path

# Airflow makes its folder when it is imported: not in your home.
os.environ.setdefault("AIRFLOW_HOME", str(Path(__file__).parent / "_build" / ".airflow"))

from airflow_provider_mailersend import __version__

project = "airflow-provider-mailersend"
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build", "examples"]
nitpicky = True
nitpick_ignore_regex = [
    # They have no pages that this one could link to.
    (r"py:.*", r"(airflow|requests|collections|datetime)\..*"),
    (r"py:exc", r"AirflowFailException"),
]

myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_class_signature = "mixed"

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["wide.css"]
html_title = "MailerSend for Apache Airflow"
html_show_sphinx = False
html_show_copyright = False
