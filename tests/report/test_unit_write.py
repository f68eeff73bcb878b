"""The report as files: complete, self-contained, accessible, the same every time, and never half-written."""

import copy
import csv
import json
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

from rodnan.errors import TrialError
from rodnan.report import page, write, write_report


@pytest.fixture(scope="module")
def small(build_result):
    """A result with one figure only, for tests that write many times."""
    result = build_result()
    for part in ("outcomes", "contrasts", "adverse_events", "withdrawals", "trajectories"):
        result[part] = []
    result["cohort"]["baseline"] = result["cohort"]["baseline"][:2]
    return result


class _Page(HTMLParser):
    """Tags with attributes in order, and the text of headings."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.headings: list[tuple[int, str]] = []
        self.text: list[str] = []
        self._open: int | None = None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if re.fullmatch("h[1-6]", tag):
            self._open = int(tag[1])
            self.headings.append((self._open, ""))

    def handle_endtag(self, tag):
        if re.fullmatch("h[1-6]", tag):
            self._open = None

    def handle_data(self, data):
        self.text.append(data)
        if self._open is not None:
            level, text = self.headings[-1]
            self.headings[-1] = (level, text + data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


@pytest.fixture(scope="module")
def html(written):
    return _Page(written[1][0].read_text())


def test_every_file_says_simulation_and_nothing_else_is_left(written):
    directory, paths = written
    assert paths[0] == directory / "simulation-report.html"
    assert all(path.name.startswith("simulation-") for path in paths)
    assert sorted(paths) == sorted(path for path in directory.rglob("*") if path.is_file())
    assert [p.name for p in directory.parent.iterdir()] == ["sls-2"]
    kinds = {
        suffix: sum(path.suffix == suffix for path in paths) for suffix in (".svg", ".png", ".csv", ".json")
    }
    assert kinds == {".svg": 6, ".png": 6, ".csv": 12, ".json": 1}


def test_the_data_file_is_the_result(written, result):
    assert json.loads((written[0] / "simulation-result.json").read_text()) == result


def test_tables_are_csv_with_as_many_cells_as_headers(written):
    for path in written[1]:
        if path.suffix == ".csv":
            rows = list(csv.reader(path.read_text().splitlines()))
            assert len(rows) > 1, path
            assert {len(row) for row in rows} == {len(rows[0])}, path


def test_the_same_result_gives_the_same_bytes(written, build_result):
    again = write._contents(build_result())
    assert {(written[0] / name): data for name, data in again.items()} == {
        path: path.read_bytes() for path in written[1]
    }


def test_page_needs_no_network_and_no_script(written, html):
    text = written[1][0].read_text()
    assert not html.all("script")
    assert not html.all("img")
    assert not html.all("iframe")
    assert [link["href"] for link in html.all("link")] == ["data:,"]
    assert "@import" not in text
    assert not re.search(r"url\((?!#)", text)
    assert not re.search(r'(?:src|href)="(?:https?:)?//', text)
    policy = next(m for m in html.all("meta") if m.get("http-equiv") == "Content-Security-Policy")
    assert (policy["content"] or "").startswith("default-src 'none'")


def test_page_has_language_landmarks_skip_link_and_headings_in_order(html):
    assert html.all("html") == [{"lang": "en"}]
    for landmark in ("header", "nav", "main", "footer"):
        assert len(html.all(landmark)) == 1, landmark
    levels = [level for level, _ in html.headings]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    ids = [attrs["id"] for _, attrs in html.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    inside = [(a["href"] or "")[1:] for a in html.all("a") if (a["href"] or "").startswith("#")]
    assert inside[0] == "summary"
    assert set(inside) <= set(ids)
    named = [attrs["aria-labelledby"] for _, attrs in html.tags if "aria-labelledby" in attrs]
    assert all(part in ids for name in named for part in (name or "").split())


def test_page_tables_and_figures_can_be_read_without_seeing(html):
    assert len(html.all("table")) == len(html.all("caption")) > 10
    assert all(attrs.get("scope") in ("col", "row", "rowgroup") for attrs in html.all("th"))
    figures = html.all("figure")
    assert len(figures) == len(html.all("figcaption")) == len(html.all("details")) == 6
    pictures = html.all("svg")
    assert len(pictures) == 12
    assert all(attrs["role"] == "img" and "width" not in attrs for attrs in pictures)


def test_links_lead_to_files_that_exist(written, html):
    links = [a["href"] or "" for a in html.all("a") if not (a["href"] or "").startswith("#")]
    assert links
    assert all((written[0] / link).is_file() for link in links)
    assert {str(path.relative_to(written[0])) for path in written[1][1:]} <= set(links)


def test_page_says_what_a_reader_must_know(html, result):
    text = " ".join(" ".join(html.text).split()).replace("\N{NO-BREAK SPACE}", " ")
    for words in (
        "11 of 12 published numbers lie inside the simulated 90 % interval; 1 does not.",
        "DISAGREES Leukopenia, oral cyclophosphamide, by week 104",
        result["simulation_notice"],
        "Do not start, stop or change a treatment because of it",
        "It speaks of groups, never of one person.",
        "2 quoted from memory and not yet checked: unverified",
        "diarrhoea",
        "Luck of the trial",
        "quick-fit-1",
        "rodnan trial run sls-2 --patients 1000 --replicates 200 --seed 1",
    ):
        assert words in text, words
    assert text.index("DISAGREES Leukopenia") < text.index("Arms of the simulated trial")
    wanted = [name for _, name in page._SECTIONS]
    shown = [text for level, text in html.headings if level == 2]
    assert [name for name in shown if name in wanted] == [name for name in wanted if name in shown]
    assert len(shown) == len(wanted)


def test_text_of_a_record_cannot_become_markup(small):
    result = copy.deepcopy(small)
    result["title"] = "<script>alert(1)</script> & more"
    result["not_modelled"] = ["<b>bold</b>"]
    html = _Page(write._contents(result)["simulation-report.html"].decode())
    assert not html.all("script")
    assert not html.all("b")


def test_an_older_report_is_replaced_and_other_files_stay(small, tmp_path):
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "simulation-old.svg").write_text("old")
    (tmp_path / "figures" / "mine.svg").write_text("mine")
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "simulation-report.html").write_text("old")
    paths = write_report(small, tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert (tmp_path / "figures" / "mine.svg").read_text() == "mine"
    assert not (tmp_path / "figures" / "simulation-old.svg").exists()
    assert paths[0].read_text().startswith("<!doctype html>")
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("exists", [False, True])
def test_an_interrupted_write_leaves_nothing(small, tmp_path, monkeypatch, exists):
    target = tmp_path / "out"
    if exists:
        target.mkdir()
        (target / "simulation-report.html").write_text("old")
    count = 0
    real = Path.write_bytes

    def stop(self, data):
        nonlocal count
        count += 1
        if count == 3:
            raise KeyboardInterrupt
        return real(self, data)

    monkeypatch.setattr(Path, "write_bytes", stop)
    with pytest.raises(KeyboardInterrupt):
        write_report(small, target)
    if exists:
        assert [path.name for path in target.iterdir()] == ["simulation-report.html"]
        assert (target / "simulation-report.html").read_text() == "old"
    else:
        assert list(tmp_path.iterdir()) == []


def test_an_interrupt_while_files_are_exchanged_waits_for_the_last_one(small, tmp_path, monkeypatch):
    import os
    import signal

    real, moved = os.replace, []

    def replace(source, target):
        real(source, target)
        moved.append(target)
        if len(moved) == 1:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(write.os, "replace", replace)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        write_report(small, tmp_path)
    assert signal.getsignal(signal.SIGINT) is before
    assert len(moved) == len([path for path in tmp_path.rglob("*") if path.is_file()]) > 3


def test_what_cannot_be_written_is_one_error(small, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(TrialError, match=r"RDN-T903 the report cannot be written"):
        write_report(small, tmp_path / "file" / "out")
    with pytest.raises(TrialError, match="RDN-T903"):
        write_report(small, tmp_path / "file")
    with pytest.raises(TrialError, match="RDN-T902"):
        write_report(small | {"seed": float("nan")}, tmp_path / "nan")
    with pytest.raises(TrialError, match="RDN-T901"):
        write_report({"study": "sls-2"}, tmp_path / "empty")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]


def test_text_colours_have_contrast_in_light_and_dark():
    css = (Path(write.__file__).parent / "templates" / "report.css").read_text()
    schemes = [
        dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", block)) for block in re.findall(r":root \{([^}]*)\}", css)
    ]
    assert len(schemes) == 3

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for scheme in schemes:
        for ink in ("ink", "soft", "link", "miss"):
            for ground in ("ground", "panel"):
                low, high = sorted((luminance(scheme[ink]), luminance(scheme[ground])))
                assert (high + 0.05) / (low + 0.05) >= 4.5, (ink, ground, scheme)
