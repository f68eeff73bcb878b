"""The repository holds nothing of a machine, and what its files say about each other is true."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.specifiers import SpecifierSet

from rodnan._version import __version__
from rodnan.cli.about import CITATION

ROOT = Path(__file__).resolve().parents[2]
MACHINE = re.compile(
    r"(?<![\w.:/])/(?:work|tmp|root|home|opt|mnt)/\w"  # a path of a machine
    r"|\bfile:///(?!etc/hostname)|\bindex-url\b|\bfind-links\b|\btrusted-host\b"  # where packages come from
    r"|\bpythonhosted\b|\bregistry\.npm|\bpypi\.org/simple|\blocalhost:\d"
)
PIN = re.compile(r"[A-Za-z0-9._-]+==[0-9][\w.+!]*")


@pytest.fixture(scope="module")
def tracked() -> list[str]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def test_no_file_names_a_machine_or_a_registry(tracked):
    found = []
    for name in tracked:
        if name == Path(__file__).relative_to(ROOT).as_posix():
            continue
        try:
            text = (ROOT / name).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{name}: {match[0]}" for match in MACHINE.finditer(text)]
    assert found == []


@pytest.mark.parametrize(
    "text", ["open('/work/x')", "see /tmp/a", "file:///x", "--extra-index-url y", "(/root/x)"]
)
def test_what_names_a_machine_is_found(text):
    assert MACHINE.search(text)


@pytest.mark.parametrize("text", ["mg/home/x", "https://x.org/home/y", "a/tmp/b", "./work/x"])
def test_what_names_none_is_not(text):
    assert not MACHINE.search(text)


def test_nothing_large_or_built_is_tracked(tracked):
    assert [
        n
        for n in tracked
        if re.search(r"__pycache__|\.pyc$|^\.venv/|^out/|\.egg-info|^docs/_(build|generated)/", n)
    ] == []
    assert [n for n in tracked if (ROOT / n).stat().st_size > 1_500_000] == []


def test_constraints_are_exact_and_cover_every_dependency():
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in pins if not PIN.fullmatch(line)] == []
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [
        *project["dependencies"],
        *(w for e in extras.values() for w in e if not w.startswith("rodnan[")),
    ]
    names = {re.split(r"[<>=!~\[ ]", w)[0].lower().replace("_", "-") for w in wanted}
    assert names - {pin.split("==")[0].lower().replace("_", "-") for pin in pins} == set()


def test_the_installed_versions_are_those_of_the_constraints():
    from importlib.metadata import PackageNotFoundError, version

    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        name, _, pinned = line.partition("==")
        try:
            assert version(name) == pinned, name
        except PackageNotFoundError:
            continue


def test_every_pinned_version_runs_on_the_first_python_that_the_project_names():
    from importlib.metadata import PackageNotFoundError, metadata

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    first = project["requires-python"].removeprefix(">=") + ".0"
    refused = []
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        try:
            wants = metadata(line.partition("==")[0])["Requires-Python"]
        except PackageNotFoundError:
            continue
        if wants and not SpecifierSet(wants).contains(first):
            refused.append(f"{line} wants {wants}")
    assert refused == []


def test_citation_says_what_the_command_prints():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["title"] in CITATION
    assert citation["license"] in CITATION
    assert citation["version"] == __version__


def test_the_changelog_has_a_section_for_what_is_not_released():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(r"^## Unreleased$", text, re.MULTILINE)


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"])
def test_links_between_files_lead_somewhere(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    targets = [t for t in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text) if not t.startswith("http")]
    assert [t for t in targets if not (ROOT / t).exists()] == []


def test_decisions_are_numbered_once_and_say_what_was_decided():
    records = sorted(p for p in (ROOT / "docs" / "decisions").glob("*.md") if p.name != "index.md")
    numbers = [p.name[:4] for p in records]
    assert len(set(numbers)) == len(numbers)
    for path in records:
        assert re.fullmatch(r"\d{4}-[a-z0-9-]+\.md", path.name)
        title, *rest = path.read_text(encoding="utf-8").splitlines()
        assert title.startswith("# ")
        assert any(line.strip() for line in rest)
