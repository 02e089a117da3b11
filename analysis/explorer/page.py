"""The report: one HTML file with its payload, its charts and its views, and no way to a network."""

import base64
import gzip
import hashlib
import html
from pathlib import Path

from clickward.analysis.explorer.charts import chart_library
from clickward.analysis.explorer.modules import STATIC, joined

# Nothing may be fetched, sent or framed; only the scripts below, by their hash, may run.
POLICY = (
    "default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; img-src data: blob:;"
    " base-uri 'none'; form-action 'none'"
)
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="clickward report">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main id="explorer"></main>
<noscript>This report draws itself with JavaScript, which is off.</noscript>
<script type="text/plain" id="payload">{payload}</script>
{scripts}
</body>
</html>
"""


def packed(payload: bytes) -> bytes:
    """The payload's JSON as gzip; the same JSON gives the same bytes."""
    return gzip.compress(payload, compresslevel=9, mtime=0)


def make_page(payload: bytes, title: str, kept: Path | None = None) -> str:
    """The report of a payload's JSON (UTF-8), under `title`.

    `kept` is a folder that keeps the chart library between reports.
    """
    scripts = [_closed(chart_library(kept)), f"{{\n{joined('report.js')}\n}}"]
    hashes = " ".join(f"'sha256-{_sha256(text)}'" for text in scripts)
    return PAGE.format(
        policy=POLICY.format(scripts=hashes),
        title=html.escape(title),
        style=style(with_page=True),
        payload=base64.b64encode(packed(payload)).decode(),
        scripts="\n".join(f'<script type="module">{text}</script>' for text in scripts),
    )


def style(with_page: bool = False) -> str:
    """Our style sheet; with what is the page's own beside the explorer's."""
    names = ["page.css", "explorer.css"] if with_page else ["explorer.css"]
    return "\n".join((STATIC / name).read_text() for name in names)


def _closed(script: str) -> str:
    """A script that no tag inside it can end."""
    return script.replace("</script", "<\\/script")


def _sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
