"""From a chart to SVG and PNG: no browser, no network, the same bytes every time."""

from __future__ import annotations

import re
from html import escape, unescape
from typing import Any

import altair as alt
import vl_convert

from rodnan.report.plots.letters import known, text_width
from rodnan.report.plots.style import FONT

__all__ = ["inline_svg", "to_png", "to_svg"]

_SCALE = 2


def to_svg(spec: dict[str, Any], name: str, title: str, description: str) -> str:
    """Render a Vega-Lite specification as SVG with a title and a description for those who cannot see it.

    Parameters
    ----------
    spec
        The specification.
    name
        Prefix of every id inside the SVG, so that several can stand on one page.
    title, description
        Read aloud in place of the picture.

    Returns
    -------
    str
        An SVG document.
    """
    version = ".".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])
    svg = vl_convert.vegalite_to_svg(spec, vl_version=version)
    return _describe(_fixed_widths(_plain(_own_ids(svg, name))), name, title, description)


def _own_ids(svg: str, name: str) -> str:
    """Number the ids of an SVG in order of appearance; the renderer numbers them per process."""
    found: dict[str, str] = {}
    for old in re.findall(r'\bid="([^"]+)"', svg):
        found.setdefault(old, f"{name}-{len(found) + 1}")
    svg = re.sub(r'\bid="([^"]+)"', lambda m: f'id="{found[m[1]]}"', svg)
    return re.sub(r"url\(#([^)]+)\)", lambda m: f"url(#{found.get(m[1], m[1])})", svg)


def _plain(svg: str) -> str:
    """Drop what says nothing in a picture with a description: roles of parts, needless decimals."""
    svg = re.sub(r' (?:role|aria-roledescription|aria-hidden|font-family)="[^"]*"', "", svg)
    return re.sub(
        r' (?:d|transform|x2|y2|width|height|viewBox)="[^"]*"',
        lambda attribute: re.sub(r"(\d+\.\d\d)\d+", r"\1", attribute[0]),
        svg,
    )


def _fixed_widths(svg: str) -> str:
    """Write into every line of text how wide it is, so that it fits in a font of other widths, too."""

    def fix(match: re.Match[str]) -> str:
        attributes, inner = match[1], match[2]
        size = re.search(r'font-size="([\d.]+)px"', attributes)
        if size is None:
            return match[0]
        bold = 'font-weight="bold"' in attributes

        def fit(part: re.Match[str]) -> str:
            text = unescape(part[3])
            if not text.strip() or not known(text):
                return part[0]
            width = text_width(text, float(size[1]), bold=bold)
            fitted = f'textLength="{width:.1f}" lengthAdjust="spacingAndGlyphs"'
            return f"<{part[1]}{part[2]} {fitted}>{part[3]}</{part[1]}>"

        if "<tspan" in inner:
            return f"<text{attributes}>" + re.sub(r"<(tspan)([^>]*)>([^<]*)</tspan>", fit, inner) + "</text>"
        return re.sub(r"<(text)([^>]*)>([^<]*)</text>", fit, match[0])

    return re.sub(r"<text([^>]*)>(.*?)</text>", fix, svg)


def _describe(svg: str, name: str, title: str, description: str) -> str:
    head, body = svg.split(">", 1)
    return (
        f'{head} font-family="{FONT}" role="img" aria-labelledby="{name}-title {name}-description">'
        f'<title id="{name}-title">{escape(title)}</title>'
        f'<desc id="{name}-description">{escape(description)}</desc>{body}'
    )


def inline_svg(svg: str) -> str:
    """Return an SVG without fixed size, to stand in a page and follow its width."""
    head, body = svg.split(">", 1)
    return re.sub(r' (?:width|height)="[^"]*"', "", head) + ">" + body


def to_png(svg: str) -> bytes:
    """Render an SVG as PNG at twice its size."""
    return vl_convert.svg_to_png(svg, scale=_SCALE)
