"""Stands in for ``python -m analysis`` where only the load generator is under test.

Python imports a module of this name when it starts, if its folder is on PYTHONPATH. Any other program goes on as
usual; ``python -m analysis`` ends here. So the project needs no option and no variable that replaces its judge.

``baseline RUN`` succeeds (or fails as FAKE_BASELINE says) after FAKE_WAITING seconds; ``finish RUN --when-told`` waits
for its word, prints how the run ended and exits as FAKE_FINISH says (default 0), after FAKE_JUDGING seconds.
"""

import json
import os
import sys
import time
from pathlib import Path


def fake(stage: str, run: Path) -> int:
    """What the stage does; its exit code."""
    if stage == "baseline":
        (run / "baseline-began").touch()
        time.sleep(float(os.environ.get("FAKE_WAITING", "0")))
        if os.environ.get("FAKE_BASELINE"):
            print(os.environ["FAKE_BASELINE"], file=sys.stderr)
            return 1
        (run / "baseline.json").write_text("{}")
        return 0
    word = sys.stdin.readline().strip()
    if not word:
        return 2
    time.sleep(float(os.environ.get("FAKE_JUDGING", "0")))
    stop = json.loads((run / "run.json").read_text())["stop"]
    (run / "result.json").write_text("{}")
    print(f"FAKE VERDICT {stop}, told {word}")
    return int(os.environ.get("FAKE_FINISH", "0"))


if sys.orig_argv[3:5] == ["-m", "analysis"]:  # after -P and plumbline.py
    code = fake(sys.orig_argv[5], Path(sys.orig_argv[6]))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # an exception here would only be reported, and the program would go on
