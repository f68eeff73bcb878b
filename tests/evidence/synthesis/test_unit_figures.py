"""Figures of an answer: drawn without warnings, with units, numbers and marks that the data ask for."""

from __future__ import annotations

import re

import pytest

from evidence.synthesis.test_unit_answer import answer
from rodnan.evidence.synthesis import forest_data, funnel_data, network_graph
from rodnan.report.evidence_figures import evidence_figures, forest_spec, funnel_spec, network_spec
from rodnan.report.plots.render import to_svg
from rodnan.report.plots.style import NARROW, WIDE


def texts(svg: str) -> str:
    return " ".join(re.findall(r">([^<>]+)<", svg))


@pytest.fixture(scope="module")
def found():
    return answer()


def test_every_figure_of_an_answer_is_drawn_twice_alike(found):
    figures = evidence_figures(found)
    assert [f.id for f in figures] == [
        "forest-placebo-MD-randomised",
        "forest-drug-y-MD-randomised",
        "network-forest",
        "network",
    ]
    for figure in figures[:1]:
        assert figure.svg() == figure.svg()
        assert figure.png().startswith(b"\x89PNG")
    assert all("NaN" not in f.svg() and "undefined" not in f.svg() for f in figures)


@pytest.mark.parametrize("layout", [WIDE, NARROW])
def test_a_forest_plot_says_its_unit_numbers_and_sides(found, layout):
    forest = forest_data(found.comparisons[0], found.endpoint)
    shown = texts(to_svg(forest_spec(forest, layout), "f", "t", "d"))
    for part in ("points of % predicted", "X-1", "drug-x better", "placebo better", "Hollow marks", "+3.00"):
        assert part in shown.replace("\u2212", "-"), part
    assert "does not say what is right" in shown


def test_intervals_beyond_the_axis_end_in_arrows(found):
    from dataclasses import replace

    forest = forest_data(found.comparisons[0], found.endpoint)
    wide = replace(forest.rows[0], low=-400.0, high=500.0)
    svg = to_svg(forest_spec(replace(forest, rows=(wide, *forest.rows[1:]))), "f", "t", "d")
    assert "-400" in texts(svg).replace("\u2212", "-")
    ticks = [float(t) for t in re.findall(r">(-?\d+(?:\.\d+)?)<", svg.replace("\u2212", "-"))]
    assert max(ticks) < 100


def test_funnel_and_network(found):
    funnel = texts(to_svg(funnel_spec(funnel_data(found.comparisons[0], found.endpoint)), "f", "t", "d"))
    assert "standard error" in funnel
    assert "too few to judge" in funnel
    graph = texts(to_svg(network_spec(network_graph(found.network, found.endpoint)), "f", "t", "d"))
    for part in ("drug-x", "drug-y", "placebo", "400 patients", "Broken lines"):
        assert part in graph, part
