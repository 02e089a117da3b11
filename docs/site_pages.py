"""MkDocs hooks: what pages link to outside of docs/ becomes pages of the site too.

Below `project/`, Markdown files as they are, others as a block of code. Links are turned there.
"""

import os
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files, InclusionLevel

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"\]\(([^)#:\s]+)((?:#[^)\s]*)?)\)")
BLOCK = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def on_files(files: Files, config: Any) -> Files:
    """Add the files that pages lead to, and those that these lead to."""
    waiting = [f"docs/{file.src_uri}" for file in files.documentation_pages()]
    seen = set(waiting)
    while waiting:
        page = waiting.pop()
        text = BLOCK.sub("", (ROOT / page).read_text())
        for target, _ in LINK.findall(text) if page.endswith(".md") else ():
            path = os.path.normpath(Path(page).parent / target)
            if path in seen or path.startswith("docs/") or not (ROOT / path).is_file():
                continue
            seen.add(path)
            waiting.append(path)
            files.append(
                File.generated(
                    config, place(path), content=page_of(path), inclusion=InclusionLevel.NOT_IN_NAV
                )
            )
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Turn links to files outside of docs/ to their pages in the site."""
    here = page.file.src_uri
    source = here.removeprefix("project/") if here.startswith("project/") else f"docs/{here}"
    blocks: list[str] = []

    def turned(link: re.Match[str]) -> str:
        path = os.path.normpath(Path(source).parent / link[1])
        return f"]({os.path.relpath(place(path), Path(here).parent)}{link[2]})"

    bare = BLOCK.sub(lambda block: blocks.append(block[0]) or f"\0{len(blocks) - 1}\0", markdown)
    return re.sub(r"\0(\d+)\0", lambda at: blocks[int(at[1])], LINK.sub(turned, bare))


def place(path: str) -> str:
    """Where a file of the repository is in the site."""
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    return f"project/{path}" if path.endswith(".md") else f"project/{path}.md"


def page_of(path: str) -> str:
    """A file as a page: Markdown as it is, anything else as a block of code."""
    text = (ROOT / path).read_text()
    if path.endswith(".md"):
        return text
    return f"# `{path}`\n\n````{Path(path).suffix[1:]}\n{text.rstrip()}\n````\n"
