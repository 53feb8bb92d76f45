"""Stands in for ``python -m analysis`` where only the load generator is under test.

``baseline RUN`` succeeds (or fails as FAKE_BASELINE says); ``finish RUN --when-told`` waits for its word, prints how
the run ended and exits as FAKE_FINISH says (default 0), after FAKE_JUDGING seconds.
"""

import json
import os
import sys
import time
from pathlib import Path

stage, run = sys.argv[1], Path(sys.argv[2])
if stage == "baseline":
    if os.environ.get("FAKE_BASELINE"):
        sys.exit(os.environ["FAKE_BASELINE"])
    (run / "baseline.json").write_text("{}")
else:
    word = sys.stdin.readline().strip()
    if not word:
        sys.exit(2)
    time.sleep(float(os.environ.get("FAKE_JUDGING", "0")))
    stop = json.loads((run / "run.json").read_text())["stop"]
    (run / "result.json").write_text("{}")
    print(f"FAKE VERDICT {stop}, told {word}")
    sys.exit(int(os.environ.get("FAKE_FINISH", "0")))
