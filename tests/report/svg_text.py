"""Where the lines of text of an SVG stand: a slow, obvious reading of what the renderer wrote."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass

_SVG = "{http://www.w3.org/2000/svg}"
_ASCENT, _DESCENT = 0.74, 0.21  # of the font size, for Arial's capitals and descenders


@dataclass(frozen=True)
class Line:
    """One line of text: its words, its box and its font size."""

    text: str
    left: float
    top: float
    right: float
    bottom: float
    size: float

    def overlaps(self, other: Line) -> bool:
        """Whether two boxes share more than half a pixel in both directions."""
        across = min(self.right, other.right) - max(self.left, other.left)
        down = min(self.bottom, other.bottom) - max(self.top, other.top)
        return across > 0.5 and down > 0.5


def text_lines(svg: str) -> tuple[list[Line], tuple[float, float]]:
    """Return the lines of text of an SVG and its size; text drawn twice (a halo) counts once."""
    root = ET.fromstring(svg)
    found: list[Line] = []
    _walk(root, 0.0, 0.0, found)
    box = [float(part) for part in root.attrib["viewBox"].split()]
    return list(dict.fromkeys(found)), (box[2], box[3])


def _walk(node: ET.Element, x: float, y: float, found: list[Line]) -> None:
    moved = re.match(r"translate\(([-\d.e]+),\s*([-\d.e]+)\)", node.attrib.get("transform", ""))
    if moved:
        x, y = x + float(moved[1]), y + float(moved[2])
    if node.tag == f"{_SVG}text":
        size = float(node.attrib["font-size"].removesuffix("px"))
        down = 0.0
        for part in list(node) or [node]:
            down += float(part.attrib.get("dy", 0) if part is not node else 0)
            text = part.text or ""
            if text.strip():
                width = float(part.attrib["textLength"])
                anchor = {"start": 0.0, "middle": 0.5, "end": 1.0}[node.attrib.get("text-anchor", "start")]
                left = x - anchor * width
                found.append(
                    Line(
                        text, left, y + down - _ASCENT * size, left + width, y + down + _DESCENT * size, size
                    )
                )
        return
    for child in node:
        _walk(child, x, y, found)
