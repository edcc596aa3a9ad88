"""Makes the repository's own pages part of the site, and checks links that leave `docs/`.

A hook of MkDocs, named in mkdocs.yml. A link to a file that is not part of the site becomes plain
text there; one to a file that does not exist is a warning, which ends a strict build.
"""

import logging
import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parent.parent
#: Pages of the site that live outside of docs/.
PAGES = {
    "index.md": "README.md",
    "changelog.md": "CHANGELOG.md",
    "contributing.md": "CONTRIBUTING.md",
    "security.md": "SECURITY.md",
    "examples.md": "examples/README.md",
}
_HOMES = {source: name for name, source in PAGES.items()}
_FENCE = re.compile(r"(^```.*?^```)", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
_log = logging.getLogger("mkdocs.hooks.site")


def on_files(files: Files, config: Any) -> Files:
    """Add the pages from outside of docs/."""
    for name, source in PAGES.items():
        content = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, name, content=content))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Rewrite links to files of the repository; code blocks stay as they are."""
    name = page.file.src_uri
    parts = _FENCE.split(markdown)
    parts[::2] = [_LINK.sub(lambda match: _link(match, name), part) for part in parts[::2]]
    return "".join(parts)


def _link(match: re.Match[str], name: str) -> str:
    mark, text, target = match.groups()
    if "://" in target or target.startswith(("#", "mailto:")):
        return match[0]
    path, _, anchor = target.partition("#")
    source = PAGES.get(name, f"docs/{name}")
    there = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
    if not (ROOT / there).exists():
        _log.warning("%s links to %s, which does not exist", source, target)
    home = _HOMES.get(there) or (there.removeprefix("docs/") if there.startswith("docs/") else None)
    if home is None:
        return str(text)
    place = posixpath.relpath(home, posixpath.dirname(name) or ".")
    return f"{mark}[{text}]({place}{f'#{anchor}' if anchor else ''})"
