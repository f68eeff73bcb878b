"""The command line: exit statuses, one line an error, nearest names; only a bug shows a traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from rodnan._version import __version__
from rodnan.cli import main
from rodnan.cli.main import execute
from rodnan.errors import DoseError


@pytest.fixture
def call(capsys):
    """Run a command line in this process: status, lines of standard output, lines of standard error."""

    def _call(*words: str) -> tuple[int, list[str], list[str]]:
        status = execute(list(words))
        printed = capsys.readouterr()
        return status, printed.out.splitlines(), printed.err.splitlines()

    return _call


@pytest.fixture
def command_of(monkeypatch, tmp_path):
    """Hang a command with the given body under the root, as ``rodnan extra``."""

    def _command(body: str) -> None:
        source = "import errno\nfrom pathlib import Path\ndef command() -> None:\n" + textwrap.indent(
            body, "    "
        )
        (tmp_path / "extra_command.py").write_text(source, encoding="utf-8")
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.setitem(main._Root.members, "extra", ("extra_command:command", "Extra."))

    yield _command
    sys.modules.pop("extra_command", None)


def test_version(call):
    assert call("--version") == (0, [f"rodnan {__version__}"], [])


def test_help_lists_what_is_there(call):
    status, lines, _ = call("--help")
    assert status == 0
    listed = [line.split()[0] for line in lines[lines.index("Commands:") + 1 :]]
    assert {"trial", "validate", "notice", "cite"} <= set(listed) <= set(main._Root.members)


def test_a_group_without_command_shows_its_help(call):
    status, out, err = call("trial")
    assert (status, out) == (2, [])
    assert err[0].startswith("Usage: rodnan trial")


@pytest.mark.parametrize("group", sorted(main._Root.members))
def test_every_listed_command_loads(call, group):
    if group not in main._Root().list_commands(None):
        pytest.skip("not part of this installation")
    status, lines, err = call(group, "--help")
    assert (status, err) == (0, [])
    assert lines[0].startswith(f"Usage: rodnan {group}")
    assert not any("completion" in line for line in lines)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["trail"], "RDN-X001 No such command 'trail'; did you mean 'trial'? (see 'rodnan --help')"),
        (["trial", "rum"], "RDN-X001 No such command 'rum'; did you mean 'run'? (see 'rodnan trial --help')"),
        (["validate", "nat"], "did you mean 'natural-history'?"),
        (["--versoin"], "RDN-X001 No such option: --versoin; did you mean '--version'?"),
        (["trial", "run", "sls-2", "--sed", "1"], "No such option: --sed; did you mean '--seed'?"),
        (["trial", "run", "sls-2", "--patients", "many"], "RDN-X001 Invalid value for '--patients'"),
        (["trial", "run", "sls-2", "--json"], "RDN-X001 Option '--json' requires an argument"),
        (["trial", "run"], "RDN-X001 Missing argument 'study'"),
        (["trial", "run", "sls-2", "sls-1"], "RDN-X001 Got unexpected extra argument"),
        (["zzz"], "RDN-X001 No such command 'zzz' (see 'rodnan --help')"),
        (["trial", "run", "sls2"], "did you mean 'sls-2'?"),
    ],
)
def test_a_users_error_is_one_line_with_status_2(call, words, expected):
    status, out, err = call(*words)
    assert (status, out) == (2, [])
    assert len(err) == 1
    assert expected in err[0]
    assert err[0].startswith("RDN-")


def test_a_group_whose_module_is_absent_is_not_listed(call, monkeypatch):
    monkeypatch.setitem(main._Root.members, "absent", ("rodnan.cli.no_such_module:app", "Absent."))
    assert "absent" not in " ".join(call("--help")[1])
    status, _, err = call("absent")
    assert status == 2
    assert err == ["RDN-X001 No such command 'absent' (see 'rodnan --help')"]


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("raise MemoryError", "RDN-X002 not enough memory; ask for fewer patients, replicates or rows"),
        ("open('/no/such/folder/x')", "RDN-X003 No such file or directory [/no/such/folder/x]"),
        ("Path('/').read_text()", "RDN-X003 Is a directory [/]"),
    ],
)
def test_what_the_system_refuses_is_one_line(call, command_of, body, line):
    command_of(body)
    assert call("extra") == (2, [], [line])


def test_errors_of_the_package_keep_their_code(call, command_of):
    command_of(
        "from rodnan.errors import DoseError\n"
        "raise DoseError('RDN-D001', 'a dose cannot be negative', where='arm mmf', value=-2.0)"
    )
    expected = str(DoseError("RDN-D001", "a dose cannot be negative", where="arm mmf", value=-2.0))
    assert call("extra") == (2, [], [expected])


def test_interruption_is_one_line_with_status_130(call, command_of):
    command_of("raise KeyboardInterrupt")
    assert call("extra") == (130, [], ["stopped; nothing half-written was left"])


@pytest.mark.parametrize("bug", ["ValueError('x')", "OSError('no file named')", "ZeroDivisionError()"])
def test_a_bug_is_not_hidden(command_of, bug):
    command_of(f"raise {bug}")
    with pytest.raises(type(eval(bug))):
        execute(["extra"])


def test_a_missing_file_of_our_own_is_a_bug(command_of):
    command_of("import rodnan\nopen(Path(rodnan.__file__).with_name('no-such-data.yaml'))")
    with pytest.raises(FileNotFoundError):
        execute(["extra"])


def test_a_status_of_a_command_is_passed_on(call, command_of):
    command_of("import typer\nraise typer.Exit(1)")
    assert call("extra")[0] == 1


def process(*code: str, **options) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", "\n".join(code)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def test_a_closed_pipe_is_quiet():
    many = process(
        "from rodnan.cli import about, main",
        "about.NOTICE = ('a long line to print ' * 50,) * 5000",
        "main.execute(['notice'])",
    )
    many.stdout.readline()
    many.stdout.close()
    assert many.stderr.read() == ""
    many.stderr.close()
    many.wait(20)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
@pytest.mark.parametrize("letters", [10, 100_000])
def test_a_full_disk_behind_standard_output_is_one_line(letters):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                "import sys\nfrom rodnan.cli import about, main\n"
                f"about.NOTICE = ('x' * {letters},)\nsys.exit(main.execute(['notice']))",
            ],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert (done.returncode, done.stderr) == (2, "RDN-X003 No space left on device [standard output]\n")


def test_control_c_stops_a_running_command(tmp_path):
    started = tmp_path / "started"
    running = process(
        "import time, sys, pathlib",
        "from rodnan.cli import about, main",
        "class Slow:",
        "    def __iter__(self):",
        f"        pathlib.Path({str(started)!r}).touch()",
        "        time.sleep(30)",
        "        yield ''",
        "about.NOTICE = Slow()",
        "sys.exit(main.execute(['notice']))",
    )
    while not started.exists() and running.poll() is None:
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=20)
    assert (running.returncode, out, err) == (130, "", "stopped; nothing half-written was left\n")


def test_letters_that_the_terminal_lacks_do_not_stop_a_command():
    printed = process(
        "from rodnan.cli import about, main",
        "about.NOTICE = ('α ± β',)",
        "main.execute(['notice'])",
        env=os.environ | {"PYTHONIOENCODING": "latin-1"},
        encoding="latin-1",
    ).communicate(timeout=20)
    assert printed == ("? ± ?\n", "")


def test_notice_and_citation(call):
    status, lines, _ = call("notice")
    assert status == 0
    assert "no medical device" in " ".join(lines)
    status, lines, _ = call("cite")
    assert status == 0
    assert f"Version {__version__}" in lines[0]
