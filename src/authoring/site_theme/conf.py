"""Sphinx's settings of the site, and the words of the glossary that open where they are used.

Sphinx reads this file in ``build/site-source``, where `authoring.site` puts it beside the pages and ``site.json``; it
runs in ``.venv-site``, which has nothing of the book's packages.
"""

import json
import re
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from docutils import nodes
from sphinx.application import Sphinx

SITE = json.loads(Path(__file__).with_name("site.json").read_text(encoding="utf-8"))
REPOSITORY, GLOSSARY = SITE["repository"], "docs/glossary"
# Where no word opens: in headings, in links, in code, in what is no text; in output, in the box below a title.
CLOSED = (nodes.title, nodes.reference, nodes.literal, nodes.literal_block, nodes.raw, nodes.image)
CLOSED_CLASSES = {"cell_output", "sitting"}

project = "Pipelines for Humans"
author = "the authors of Pipelines for Humans"
copyright = author + ". Code: Apache 2.0. Text and pictures: CC BY 4.0. Data: CC0 1.0"
version = release = SITE["version"]
language = "en"
extensions = ["myst_nb"]
templates_path = ["."]
exclude_patterns = ["*.html", "site.json"]
smartquotes = False
suppress_warnings = ["misc.highlighting_failure"]  # a lesson may leave a "…" open
nb_execution_mode = "off"
nb_merge_streams = True
myst_heading_anchors = 4
myst_disable_syntax = ["myst_line_comment", "myst_block_break"]

html_theme = "sphinx_book_theme"
html_title = project
html_copy_source = False
html_context = {"default_mode": "auto"}
html_use_index = False
html_static_path = ["site.css", "site.js"]
html_css_files = ["site.css"]
html_js_files = [("site.js", {"defer": "defer"})]
html_theme_options: dict[str, Any] = {
    "home_page_in_toc": True,
    "navbar_persistent": [],
    "show_navbar_depth": 1,
    "use_download_button": False,
    "use_fullscreen_button": False,
    "article_footer_items": ["mend.html"],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
epub_basename = "pipelines-for-humans"
epub_title = project
epub_publisher = epub_contributor = author
epub_identifier = epub_uid = epub_basename
epub_show_urls = "no"
epub_tocdup = False


def open_words(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Make of the first use of each word of the glossary a button that opens its sentence; in an EPUB, a link."""
    left = {word: True for word in SITE["words"].get(page, ())}
    if not left:
        return
    pattern = re.compile(
        rf"(?<![\w-])({'|'.join(sorted(map(re.escape, left), key=len, reverse=True))})(e?s)?(?![\w-])"
    )
    for text in list(doctree.findall(nodes.Text)):
        if _is_closed(text):
            continue
        parts: list[nodes.Node] = []
        end = 0
        for found in pattern.finditer(str(text)):
            if left.pop(found[1], False):
                parts += [nodes.Text(text[end : found.start()]), _opened(app, found[1], found[0], page)]
                end = found.end()
        if parts and text.parent:
            text.parent.replace(text, [*parts, nodes.Text(text[end:])])


def _is_closed(node: nodes.Node | None) -> bool:
    while node := node.parent if node else None:
        if isinstance(node, CLOSED) or CLOSED_CLASSES & set(
            getattr(node, "attributes", {}).get("classes", ())
        ):
            return True
    return False


def _opened(app: Sphinx, word: str, shown: str, page: str) -> nodes.Node:
    where, anchor = app.env.domaindata["std"]["terms"][word.lower()]
    link = f"{app.builder.get_relative_uri(page, where)}#{anchor}"
    if app.builder.name == "epub":
        return nodes.reference("", shown, refuri=link, internal=True)
    button = f'<button type="button" class="word" popovertarget="{anchor}-card">{escape(shown)}</button>'
    return nodes.raw("", button, format="html", word=word, link=link, anchor=anchor)


def add_to_page(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Add what opens below the page's text, outside of what the search reads, and the links to mend the page."""
    if app.builder.name == "epub":  # MyST-NB names a style sheet that it puts there too late
        context["css_files"] = [each for each in context["css_files"] if "mystnb" not in str(each)]
    if doctree is None:
        return
    for word in doctree.findall(lambda node: isinstance(node, nodes.raw) and "word" in node):
        said = f"<strong>{escape(word['word'])}</strong>: {escape(SITE['glossary'][word['word']])}"
        context["body"] += (
            f'<div popover class="card-of-a-word" id="{word["anchor"]}-card"><p>{said}</p>'
            f'<a href="{escape(word["link"])}">All words</a></div>\n'
        )
    if REPOSITORY and (origin := SITE["origins"].get(page)):
        context["repository"] = REPOSITORY
        context["edit_link"] = f"{REPOSITORY}/edit/main/{origin}"
        context["issue_link"] = f"{REPOSITORY}/issues/new?title={quote(f'{origin}: ')}"


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx what to call."""
    app.connect("doctree-resolved", open_words)
    app.connect("html-page-context", add_to_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
