"""One operation on a file goes wrong, in a run that is then started again.

`tests/soak.py` does so more often.

Authors
 * The speechbrain_growth authors 2026
"""

import random
import signal
from collections import Counter

import pytest
from comparing import differences, results
from faulting import count, draw, fault_all
from file_faults import WAYS
from killing import Starter

pytestmark = pytest.mark.slow
TIMES = 15
HALF_A_LINE = ["torn", "write", "grow", 1]  # of the growth log


def test_a_run_with_failing_files_ends_like_one_without(tmp_path):
    chance, seen = random.Random(1986), Counter()
    with Starter(tmp_path) as starter:
        expected, counted = count(starter, tmp_path / "whole")
        drawn = [HALF_A_LINE, *draw(counted, TIMES - 1, chance)]
        corpus = tmp_path / "whole" / "corpus"
        for run in fault_all(starter, tmp_path, corpus, drawn, seen):
            found = results(run / "run", run / "corpus")
            assert differences(found, expected) == [], seen
    assert sum(seen.values()) == TIMES
    assert {way for way, *_ in seen} == {*WAYS}
    assert {kind for _, kind, *_ in seen} == {kind for kind, *_ in counted}
    killed = {status for way, *_, status in seen if way in WAYS[:2]}
    assert killed == {-signal.SIGKILL}
    assert 1 in {status for *_, status in seen}
