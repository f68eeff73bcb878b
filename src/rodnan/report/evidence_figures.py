"""Figures of an evidence synthesis: forest, network and funnel plots, in the grammar of all figures.

The numbers come from `rodnan.evidence.synthesis.plotdata`; here they are only drawn. Black squares are
published numbers, hollow ones were not verified at their source, and nothing is said by colour alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import altair as alt

from rodnan.evidence.synthesis.parts import NOTICE, Answer
from rodnan.evidence.synthesis.plotdata import (
    FunnelData,
    NetworkGraph,
    forest_data,
    funnel_data,
    network_forest_data,
    network_graph,
)
from rodnan.evidence.synthesis.words import sentence
from rodnan.report.evidence_forest import HOLLOW, capital, forest_spec, text_at
from rodnan.report.plots.render import to_png, to_svg
from rodnan.report.plots.style import (
    BAR,
    BLACK,
    BLUE,
    EDGE,
    GREY,
    LINE_HEIGHT,
    RULE,
    WIDE,
    Layout,
    assemble,
    data,
    layered,
    nice_domain,
    pixel_y,
    wrap,
)
from rodnan.report.wording import typeset

__all__ = ["EvidenceFigure", "evidence_figures", "forest_spec", "funnel_spec", "network_spec"]


@dataclass(frozen=True)
class EvidenceFigure:
    """One figure of an answer.

    Attributes
    ----------
    id
        Stem of its file names.
    title, description
        Read aloud in place of the picture.
    draw
        Gives the Vega-Lite specification for a layout.
    """

    id: str
    title: str
    description: str
    draw: Callable[[Layout], dict[str, Any]]

    def svg(self, layout: Layout = WIDE) -> str:
        """Return the figure as an SVG document; the same answer gives the same bytes."""
        return to_svg(self.draw(layout), f"{self.id}-{layout.name}", self.title, self.description)

    def png(self) -> bytes:
        """Return the wide figure as PNG at twice its size."""
        return to_png(self.svg())


def evidence_figures(answer: Answer) -> tuple[EvidenceFigure, ...]:
    """Return the figures of an answer: a forest plot for each comparison, funnels, the network.

    Parameters
    ----------
    answer
        What `rodnan.evidence.synthesis.synthesise` returned.

    Returns
    -------
    tuple of EvidenceFigure
        Funnels only for comparisons of at least ten studies; none at all when nothing could be pooled.
    """
    figures = []
    for c in answer.comparisons:
        stem = f"{c.against}-{c.scale}-{'randomised' if c.randomised else 'observed'}".replace(" ", "-")
        forest = forest_data(c, answer.endpoint)
        said = sentence(
            c.drug,
            c.against,
            c.pooled.estimate,
            c.pooled.low,
            c.pooled.high,
            c.scale,
            answer.endpoint,
            c.certainty,
        )
        title = f"{capital(forest.title)}: {forest.outcome}"
        about = f"Forest plot of {len(c.rows)} studies. {said} Certainty: {c.certainty.word}."
        figures.append(EvidenceFigure(f"forest-{stem}", title, about, partial(forest_spec, forest)))
        if len(c.rows) >= 10:
            funnel = funnel_data(c, answer.endpoint)
            figures.append(
                EvidenceFigure(
                    f"funnel-{stem}", f"Funnel plot: {title}", funnel.note, partial(funnel_spec, funnel)
                )
            )
    net = answer.network
    if net is not None and net.estimates:
        forest = network_forest_data(net, answer.drug, answer.endpoint)
        words = "; ".join(f"{e.relative.second}: certainty {e.certainty.word}" for e in net.estimates)
        title = f"{capital(forest.title)}: {forest.outcome}"
        figures.append(EvidenceFigure("network-forest", title, words, partial(forest_spec, forest)))
        graph = network_graph(net, answer.endpoint)
        pairs = "; ".join(f"{e.first} and {e.second}: {e.studies}" for e in graph.edges)
        about = f"Trials that compare two treatments directly. {pairs}."
        figures.append(EvidenceFigure("network", graph.title, about, partial(network_spec, graph)))
    return tuple(figures)


def network_spec(graph: NetworkGraph, layout: Layout = WIDE) -> dict[str, Any]:
    """Draw a network plot: a circle for each treatment (by patients), a line where trials compare two.

    Parameters
    ----------
    graph
        Nodes and edges.
    layout
        Wide or narrow.

    Returns
    -------
    dict
        A Vega-Lite specification.
    """
    side = min(layout.width - 260, 320) if layout.name == "wide" else layout.width - 170
    top, bottom = max(n.y for n in graph.nodes), min(n.y for n in graph.nodes)
    width, height = layout.width - 24, side * (top - bottom) / 2 + 100
    cx, cy = width / 2, 52 + side * top / 2
    places = {n.name: (cx + n.x * side / 2, cy - n.y * side / 2) for n in graph.nodes}
    layers: list[Any] = []
    x = alt.X("x:Q", scale=alt.Scale(domain=[0, width], nice=False, zero=False), axis=None)
    for edge in graph.edges:
        (x1, y1), (x2, y2) = places[edge.first], places[edge.second]
        layers.append(
            alt.Chart(data([{"x": x1, "y": y1, "x2": x2, "y2": y2}]))
            .mark_rule(
                color=GREY,
                strokeWidth=1.5 + 1.5 * edge.studies,
                strokeDash=[1, 0] if edge.verified else [5, 4],
            )
            .encode(x=x, x2=alt.X2("x2:Q"), y=pixel_y(height), y2=alt.Y2("y2:Q"))
        )
    most = max([n.patients or 0 for n in graph.nodes] + [1])
    for node in graph.nodes:
        px, py = places[node.name]
        size = 260 + 1100 * (node.patients or 0) / most
        layers.append(
            alt.Chart(data([{"x": px, "y": py}]))
            .mark_circle(size=size, color=BAR, stroke=BLUE, strokeWidth=1.5, opacity=1)
            .encode(x=x, y=pixel_y(height))
        )
    for edge in graph.edges:
        (x1, y1), (x2, y2) = places[edge.first], places[edge.second]
        at = {"x": (x1 + x2) / 2, "y": (y1 + y2) / 2, "text": str(edge.studies)}
        base = alt.Chart(data([at])).encode(x=x, y=pixel_y(height))
        layers.append(base.mark_circle(size=330, color="white", stroke=RULE, opacity=1))
        layers.append(
            base.encode(text=alt.Text("text:N")).mark_text(fontSize=12, color=BLACK, baseline="middle")
        )
    for node in graph.nodes:
        px, py = places[node.name]
        radius = math.sqrt((260 + 1100 * (node.patients or 0) / most) / math.pi) + 6
        who = f"{node.patients} patients" if node.patients is not None else "patients unknown"
        align = "center" if abs(node.x) < 0.3 else "left" if node.x > 0 else "right"
        if align == "center":
            ty = py - radius - LINE_HEIGHT - 4 if node.y > 0 else py + radius + 10
            tx = px
        else:
            tx, ty = px + (radius if align == "left" else -radius), py - LINE_HEIGHT / 2
        layers.append(text_at(tx, ty, [node.name], height, weight="bold", align=align))
        layers.append(text_at(tx, ty + LINE_HEIGHT, [who], height, GREY, align=align))
    notes = ["Circles grow with the patients in a treatment's trials; a number on a line counts the trials."]
    if any(not e.verified for e in graph.edges):
        notes.append("Broken lines: numbers not verified at their source.")
    return assemble(graph.title, [*notes, NOTICE], [layered(layers, width, height)], layout)


def funnel_spec(funnel: FunnelData, layout: Layout = WIDE) -> dict[str, Any]:
    """Draw a funnel plot: precise studies at the top, the funnel in which 95 % lie without spread.

    Parameters
    ----------
    funnel
        Points, centre and edges.
    layout
        Wide or narrow.

    Returns
    -------
    dict
        A Vega-Lite specification.
    """
    width, height = layout.width - 80, 260
    values = [funnel.edge_low, funnel.edge_high, *(p.estimate for p in funnel.points)]
    if funnel.log:
        low, high = max(min(values), 1e-3), min(max(values), 1e3)
        steps = [m * 10.0**e for e in range(-3, 4) for m in (1, 2, 5)]
        domain = [max(s for s in steps if s <= low * 1.001), min(s for s in steps if s >= high * 0.999)]
        ticks = [s for s in steps if domain[0] <= s <= domain[1]]
        ticks = ticks if len(ticks) <= 8 else ticks[::2]
    else:
        domain, ticks = nice_domain(values, 6 if layout.name == "wide" else 4)
    kind: Any = "log" if funnel.log else "linear"
    x = alt.X(
        "x:Q",
        scale=alt.Scale(domain=domain, type=kind, nice=False, zero=False),
        axis=alt.Axis(values=ticks, title=wrap(typeset(funnel.axis), width), format=".6~g"),
    )
    y_range, y_ticks = nice_domain([0.0, funnel.top_se], 5)
    name = "standard error of the logarithm" if funnel.log else "standard error"
    y = alt.Y(
        "y:Q",
        scale=alt.Scale(domain=[y_range[1], 0], nice=False, zero=False),
        axis=alt.Axis(values=y_ticks, title=name, format=".6~g"),
    )
    edges = [
        {"x": funnel.edge_low, "y": funnel.top_se, "i": 0},
        {"x": funnel.centre, "y": 0, "i": 1},
        {"x": funnel.edge_high, "y": funnel.top_se, "i": 2},
    ]
    layers: list[Any] = [
        alt.Chart(data(edges))
        .mark_line(color=EDGE, strokeDash=[4, 3])
        .encode(x=x, y=y, order=alt.Order("i:Q")),
        alt.Chart(data([{"x": funnel.centre, "y": 0, "y2": funnel.top_se}]))
        .mark_rule(color=BLUE)
        .encode(x=x, y=y, y2=alt.Y2("y2:Q")),
    ]
    for p in funnel.points:
        layers.append(
            alt.Chart(data([{"x": p.estimate, "y": p.se}]))
            .mark_point(
                shape="square",
                size=70,
                filled=True,
                fill=BLACK if p.verified else "white",
                stroke=BLACK,
                opacity=1,
            )
            .encode(x=x, y=y)
        )
    notes = [
        funnel.note,
        "Broken lines: where 95 % of studies would lie if they all measured the same effect.",
    ]
    if any(not p.verified for p in funnel.points):
        notes.append(HOLLOW)
    title = f"Funnel plot, {funnel.title}: {funnel.outcome}"
    return assemble(title, [*notes, NOTICE], [layered(layers, width, height)], layout)
