"""The report in a browser: no console message, no request, nothing too wide, readable on a telephone."""

from __future__ import annotations

import json
import re
import shutil
import struct
import subprocess
from html import unescape
from pathlib import Path

import pytest

pytestmark = pytest.mark.web

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))),
    None,
)
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--allow-file-access-from-files",
    "--enable-logging=stderr",
    "--log-level=0",
)

# A page of our own that holds the report in frames of several widths and reports what it measures there.
HARNESS = """<!doctype html><html><body style="margin:0"><pre id="out"></pre><script>
const widths = WIDTHS, url = "URL", out = {};
let waiting = widths.length;
for (const width of widths) {
  const frame = document.createElement("iframe");
  frame.style.cssText = `border:0;width:${width}px;height:900px`;
  frame.onload = () => {
    const page = frame.contentDocument, box = e => e.getBoundingClientRect();
    const seen = [...page.querySelectorAll(".plot svg")].filter(e => box(e).width > 0);
    const sizes = seen.flatMap(e => [...e.querySelectorAll("text")].map(t =>
      parseFloat(t.getAttribute("font-size")) * box(e).width / e.viewBox.baseVal.width));
    const targets = [...page.querySelectorAll("nav a, summary, .files a, .sources a")].map(box);
    const cut = seen.flatMap(e => [...e.querySelectorAll("text")].filter(t =>
      box(t).right > box(e).right + 0.5 || box(t).left < box(e).left - 0.5).map(t => t.textContent));
    out[width] = {
      overflow: page.documentElement.scrollWidth - width,
      figures: seen.length,
      layouts: [...new Set(seen.map(e => e.parentElement.className))],
      smallest: Math.min(...sizes),
      target: Math.min(...targets.map(b => b.height), ...targets.map(b => b.width)),
      cut: cut,
      title: page.title,
    };
    if (--waiting === 0) document.getElementById("out").textContent = JSON.stringify(out);
  };
  frame.src = url;
  document.body.append(frame);
}
</script></body></html>"""


def _browse(page: Path, home: Path, *flags: str) -> tuple[str, list[str]]:
    """Open a page; return what was printed and the console messages."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    home.mkdir(exist_ok=True)
    done = subprocess.run(
        [CHROMIUM, *FLAGS, f"--user-data-dir={home}", *flags, page.as_uri()],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout, [line for line in done.stderr.splitlines() if ":CONSOLE" in line]


@pytest.fixture(scope="module")
def report(written) -> Path:
    """The written page."""
    return written[1][0]


def test_a_request_of_a_page_would_be_seen(report, tmp_path):
    bad = tmp_path / "bad.html"
    text = report.read_text().replace("<main>", '<main><img src="http://example.org/x.png">', 1)
    bad.write_text(text)
    _, console = _browse(bad, tmp_path / "home", f"--screenshot={tmp_path / 'bad.png'}")
    assert any("example.org" in line for line in console)


@pytest.mark.parametrize("width", [1280, 500])
def test_page_opens_without_a_message_or_a_request(report, tmp_path, width):
    shot = tmp_path / "shot.png"
    _, console = _browse(report, tmp_path / "home", f"--window-size={width},1600", f"--screenshot={shot}")
    assert console == []
    data = shot.read_bytes()
    assert struct.unpack(">II", data[16:24]) == (width, 1600)
    assert len(data) > 30_000, "the page is blank"


def test_page_fits_every_screen_and_figures_stay_readable(report, tmp_path):
    harness = tmp_path / "harness.html"
    widths = [320, 375, 1280]
    harness.write_text(HARNESS.replace("WIDTHS", json.dumps(widths)).replace("URL", report.as_uri()))
    printed, console = _browse(harness, tmp_path / "home", "--virtual-time-budget=10000", "--dump-dom")
    assert console == []
    found = re.search(r'<pre id="out">(.*?)</pre>', printed, re.DOTALL)
    assert found, printed[-500:]
    measured = json.loads(unescape(found[1]))
    for width in widths:
        seen = measured[str(width)]
        assert seen["title"] == "Simulation: virtual Scleroderma Lung Study II"
        assert seen["overflow"] <= 0, (width, seen)
        assert seen["figures"] == 6
        assert seen["layouts"] == ["plot wide" if width > 700 else "plot narrow"]
        assert seen["cut"] == []
        assert seen["target"] >= 24, (width, seen)
        assert seen["smallest"] >= (11 if width >= 375 else 9), (width, seen)
