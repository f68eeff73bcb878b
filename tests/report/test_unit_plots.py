"""Figures: they say what they are, nothing overlaps or is cut off, and they come out the same every time."""

import re
import struct
import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from report.svg_text import text_lines
from rodnan.report import figures
from rodnan.report.plots.letters import text_width
from rodnan.report.plots.render import to_png
from rodnan.report.plots.style import NARROW, WIDE, nice_domain, spread, wrap

LAYOUTS = [WIDE, NARROW]


def _three_arms(result):
    """A trial with a third arm, as a copy of the second with another label."""
    for part in ("arms", "outcomes", "adverse_events", "withdrawals", "trajectories"):
        key = "id" if part == "arms" else "arm"
        more = [row | {key: "placebo"} for row in result[part] if row[key] == "cyc"]
        result[part] = result[part] + more
    result["arms"][-1]["label"] = (
        "matching placebo with a name that is far too long for one line of any figure"
    )
    return result


@pytest.fixture(scope="module")
def drawn(build_result, build_placebo_result):
    """Figures with their SVG: all of one trial, and the crowded ones of two others."""
    crowded = ("fvc-pct-pred-over-time", "compared-numbers")
    cases = [("two arms", build_result(), ()), ("placebo", build_placebo_result(), crowded)]
    cases.append(("three arms", _three_arms(build_result()), crowded))
    return [
        (f"{case}: {figure.id}, {layout.name}", figure, layout, figure.svg(layout))
        for case, one, only in cases
        for figure in figures(one)
        for layout in LAYOUTS
        if not only or figure.id in only
    ]


@pytest.fixture(scope="module")
def two_arms(drawn):
    """The wide SVGs of the trial with two arms, by figure."""
    return {f.id: svg for name, f, layout, svg in drawn if name.startswith("two arms") and layout is WIDE}


def test_every_figure_is_complete_readable_and_its_own(drawn):
    for name, figure, layout, svg in drawn:
        root = ET.fromstring(svg)
        assert root.attrib["role"] == "img", name
        title, description = root[0], root[1]
        assert root.attrib["aria-labelledby"] == f"{title.attrib['id']} {description.attrib['id']}"
        assert title.text == figure.title
        assert figure.title.startswith("Simulation"), name
        assert description.text == figure.description
        assert "http" not in svg.replace("http://www.w3.org/", ""), name
        lines, (width, height) = text_lines(svg)
        words = " ".join(line.text for line in lines)
        assert "Simulation" in words, name
        assert "Not a prediction for any person." in words, name
        assert min(line.size for line in lines) >= 11, name
        assert width <= (800 if layout is WIDE else 375), name
        for line in lines:
            assert line.left >= 0, (name, line)
            assert line.right <= width, (name, line)
            assert line.top >= 0, (name, line)
            assert line.bottom <= height, (name, line)
        clashes = [
            (one.text, other.text)
            for index, one in enumerate(lines)
            for other in lines[index + 1 :]
            if one.overlaps(other)
        ]
        assert not clashes, (name, clashes)


def test_ids_of_all_figures_on_one_page_differ(drawn):
    svgs = [svg for name, _, _, svg in drawn if name.startswith("two arms")]
    ids = [found for svg in svgs for found in re.findall(r'\bid="([^"]+)"', svg)]
    assert len(svgs) == 12
    assert len(ids) == len(set(ids))


def test_figures_are_valid_altair_charts_and_pngs(result, two_arms):
    made = figures(result)
    assert [figure.id for figure in made] == [
        "fvc-pct-pred-over-time",
        "mrss-over-time",
        "haq-di-over-time",
        "compared-numbers",
        "safety-and-withdrawals",
        "baseline-check",
    ]
    assert made[-1].chart().to_dict()["vconcat"]
    assert made[0].chart(NARROW).to_dict(validate=False)["vconcat"] == made[0].spec(NARROW)["vconcat"]
    png = to_png(two_arms["fvc-pct-pred-over-time"])
    width, height = struct.unpack(">II", png[16:24])
    assert png.startswith(b"\x89PNG")
    assert width > 1400
    assert height > 900


def test_agreement_is_shown_by_word_shape_and_number(result, two_arms):
    score = next(figure for figure in figures(result) if figure.id == "compared-numbers")
    spec = score.spec(WIDE)
    marks = [layer for part in spec["vconcat"][1:] for layer in part["layer"]]
    triangles = [m for m in marks if m["mark"].get("shape") == "triangle-up"]
    assert [row["x"] for mark in triangles for row in mark["data"]["values"]] == [
        pytest.approx(41.0959, abs=1e-3)
    ]
    hollow = [m for m in marks if m["mark"].get("fill") == "white" and m["mark"].get("shape") == "square"]
    assert sorted(row["x"] for mark in hollow for row in mark["data"]["values"]) == [2.19, 2.88]
    words = [line.text for line in text_lines(two_arms[score.id])[0]]
    assert words.count("DISAGREES") == 1
    assert words.count("agrees") == 11
    assert "24.2 vs 41.1" in words
    assert "published, outside (DISAGREES)" in words
    assert "hollow: unverified, quoted from memory" in words


def test_courses_show_the_published_means_where_they_belong(result, two_arms):
    figure = next(figure for figure in figures(result) if figure.id == "fvc-pct-pred-over-time")
    words = [line.text for line in text_lines(two_arms[figure.id])[0]]
    for value in ("+3.3", "+2.2", "+3.0", "+2.9", "mean +2.4", "mean +1.9", "(+0.2 to +4.6)"):
        assert words.count(value) == 1, value
    assert figure.title == (
        "Simulation: average change in FVC at week 104 is +2.4 (mycophenolate mofetil) and +1.9 "
        "(oral cyclophosphamide)"
    )
    mrss = next(figure for figure in figures(result) if figure.id == "mrss-over-time")
    assert "published mean, 90 % interval" not in two_arms[mrss.id]
    assert "nothing published" in mrss.description


def test_a_part_without_data_gives_no_figure(result):
    for part in ("outcomes", "adverse_events", "withdrawals", "trajectories"):
        result[part] = []
    result["contrasts"] = []
    result["cohort"]["baseline"] = []
    assert figures(result) == ()


def test_shapes_and_shades_differ_in_lightness_too():
    from rodnan.report.plots import style

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    def contrast(one: str, other: str) -> float:
        low, high = sorted((luminance(one), luminance(other)))
        return (high + 0.05) / (low + 0.05)

    white = "#ffffff"
    for ink in (style.BLACK, style.BLUE, style.GREY):
        assert contrast(ink, white) >= 4.5
    for line in (style.BAR, style.EDGE):
        assert contrast(line, white) >= 3
    shades = [
        luminance(c) for c in (white, style.BANDS["90"], style.BANDS["50"], style.BANDS["mean"], style.BLUE)
    ]
    assert all(lighter - darker > 0.1 for lighter, darker in pairwise(shades))


@given(
    st.lists(st.tuples(st.floats(-50, 350), st.sampled_from([15.0, 30.0])), min_size=1, max_size=6),
)
def test_labels_moved_apart_never_overlap(labels):
    positions, heights = [p for p, _ in labels], [h for _, h in labels]
    centres = spread(positions, heights, 0, 300)
    edges = sorted((c - h / 2, c + h / 2) for c, h in zip(centres, heights, strict=True))
    assert all(one[1] <= other[0] + 1e-6 for one, other in pairwise(edges))
    assert edges[0][0] >= -1e-6
    assert edges[-1][1] <= 300 + 1e-6


@given(st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=9))
def test_axes_hold_every_value_and_end_on_ticks(values):
    (low, high), ticks = nice_domain(values)
    slack = 1e-6 * max(1.0, abs(low), abs(high))
    assert low <= min(values) + slack
    assert high >= max(values) - slack
    assert (ticks[0], ticks[-1]) == (low, high)
    assert 2 <= len(ticks) <= 12


@given(st.text("abc WMil% -", min_size=1, max_size=120), st.integers(60, 400))
def test_wrapped_lines_fit_unless_one_word_is_too_long(text, pixels):
    for line in wrap(text, pixels):
        assert text_width(line, 12) <= pixels or " " not in line


def test_letter_widths_are_those_of_the_font_metrics():
    assert text_width("Simulation", 1000) == pytest.approx(
        667 + 222 + 833 + 556 + 222 + 556 + 278 + 222 + 556 + 556
    )
    assert text_width("A", 1000, bold=True) == pytest.approx(722)
