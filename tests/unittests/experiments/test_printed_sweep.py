"""Sweeps that print their runs as shell commands.

Authors
 * The speechbrain_growth authors 2026
"""

import json
import os
import shlex
import subprocess
import sys

import pytest
from toy_sweep import starts, write

from speechbrain_growth.__main__ import main
from speechbrain_growth.experiments.launchers.printing import TESTED
from speechbrain_growth.experiments.runs import is_done
from speechbrain_growth.measure.events import RUN_LOG, write_events

# Listed last first, so that the order is not that of the file
RUNS = {
    "last": {"init_from": "next"},
    "next": {"init_from": "small"},
    "small": {"error": 9},
    "large": {"error": 8},
}


def printed(capsys, file, *arguments):
    """The lines that a sweep prints, and its comments."""
    capsys.readouterr()
    main(["sweep", file, "--print", *arguments])
    shown = capsys.readouterr()
    comments = shown.err.splitlines()
    assert all(comment.startswith("# ") for comment in comments)
    return shown.out.splitlines(), comments


def ran(line, folder="/"):
    """What a shell says to a line, in any folder."""
    return subprocess.run(
        ["sh", "-c", line], cwd=folder, capture_output=True, text=True
    )


def name_of(line):
    """The run of a line."""
    [folder] = [
        word.partition("=")[2]
        for word in shlex.split(line)
        if word.startswith("--output_folder=")
    ]
    return "/".join(folder.split("/")[-2:])


def test_the_lines_do_what_the_sweep_does(tmp_path, capsys):
    folder = tmp_path / "it's a folder; with $HOME & more"
    folder.mkdir()
    file = write(folder, runs=RUNS)
    lines, _ = printed(capsys, file, "--threads", "3")
    assert starts(folder) == {} and len(lines) == 8
    for line in lines:
        assert not ran(line).returncode, ran(line).stderr
    assert set(starts(folder).values()) == {1}
    log = (folder / "results/last/2/run_log.jsonl").read_text()
    assert '"threads": "3"' in log and '"seed": 2' in log
    assert printed(capsys, file) == ([], ["# 0 commands"])
    main(["sweep", file])  # has nothing left to run, and compares
    assert set(starts(folder).values()) == {1}
    by_sweep = tmp_path / "by_sweep"
    by_sweep.mkdir()
    main(["sweep", write(by_sweep, runs=RUNS), "--threads", "3", "--jobs", "2"])
    reports = [
        json.loads((here / "results/report/report.json").read_text())
        for here in (folder, by_sweep)
    ]
    assert reports[0]["groups"] == reports[1]["groups"]


def test_what_starts_from_another_run_comes_later(tmp_path, capsys):
    lines, comments = printed(capsys, write(tmp_path, runs=RUNS))
    names = ["small/1", "small/2", "large/1", "large/2"]
    names += ["next/1", "next/2", "last/1", "last/2"]
    assert list(map(name_of, lines)) == names
    assert comments == [
        "# 8 commands",
        "# lines 1 to 4 can start at once",
        "# lines 5 to 6 can start when the lines before have ended",
        "# lines 7 to 8 can start when the lines before have ended",
        "# line 5, next/1, needs small/1 of line 1",
        "# line 6, next/2, needs small/2 of line 2",
        "# line 7, last/1, needs next/1 of line 5",
        "# line 8, last/2, needs next/2 of line 6",
    ]


def test_only_what_is_not_finished_is_printed(tmp_path, capsys):
    file = write(tmp_path, runs=RUNS, seeds=[1])
    lines, _ = printed(capsys, file)
    assert not ran(lines[0]).returncode
    # The start of a run leaves it unfinished
    log = tmp_path / "results/large/1/run_log.jsonl"
    log.write_text('{"event": "start"}\n')
    left, comments = printed(capsys, file)
    assert list(map(name_of, left)) == ["next/1", "large/1", "last/1"]
    assert comments[-1] == "# line 3, last/1, needs next/1 of line 1"
    assert not any("small" in comment for comment in comments)


def test_a_line_that_comes_too_early_does_nothing(tmp_path, capsys):
    lines, _ = printed(capsys, write(tmp_path, runs=RUNS, seeds=[1]))
    small, later = lines[0], lines[2]
    for log in (None, '{"event": "start"}\n'):  # not begun; begun, not ended
        if log:
            (tmp_path / "results/small/1/run_log.jsonl").write_text(log)
        early = ran(later)
        assert early.returncode == 1
        assert early.stderr == "small/1 is not finished; run it first\n"
    assert starts(tmp_path) == {}
    os.remove(tmp_path / "results/small/1/run_log.jsonl")
    assert ran(small).returncode == ran(later).returncode == 0


@pytest.mark.parametrize("tested", [True, False])
def test_the_shell_and_the_sweep_agree_on_what_is_finished(tested, tmp_path):
    events = [{"event": "start"}, {"event": "epoch", "epoch": 1}]
    last = {"event": "test", "test": {"error": 1.0}}
    write_events(tmp_path / RUN_LOG, [*events, last][: 2 + tested])
    found = ran(f"grep -qs {shlex.quote(TESTED)} {tmp_path / RUN_LOG}")
    assert (found.returncode == 0) is is_done(tmp_path) is tested


def test_options_and_texts_are_quoted(tmp_path, capsys):
    text = "a 'b' \"c\" $HOME `pwd` \\ * ; & | é"
    file = write(tmp_path, runs={"a": {"text": text}}, seeds=[1], large=None)
    [line], _ = printed(capsys, file, "--", "--data_folder=/a b/$c")
    words = shlex.split(line)
    assert words[-1] == "--data_folder=/a b/$c"
    assert f"--text={text}" in words and sys.executable in words
    [echoed] = [
        ran(line.replace(f"{shlex.quote(sys.executable)} ", "printf '%s\n' "))
    ]
    assert f"--text={text}" in echoed.stdout.splitlines()


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--jobs", "2"], "--jobs: who starts the runs decides"),
        (["--out", "a"], "--out: --print writes no report"),
        (["--", "--text=a\nb"], r"--text=a\\nb' has a line break"),
        (["--launcher-options", "a=1"], "there is no launcher"),
        (["--threads", "0"], "--threads is 0; it must be 1 or more"),
    ],
)
def test_what_cannot_be_printed(arguments, message, tmp_path, capsys):
    with pytest.raises(SystemExit, match=message):
        main(["sweep", write(tmp_path), "--print", *arguments])
    assert capsys.readouterr().out == ""
