"""Stands in for ``python -m analysis`` where only the load generator is under test.

``baseline RUN`` succeeds (or fails as FAKE_BASELINE says); ``finish RUN`` prints how the run ended and exits as
FAKE_FINISH says (default 0).
"""

import json
import os
import sys
from pathlib import Path

stage, run = sys.argv[1], Path(sys.argv[2])
if stage == "baseline":
    if os.environ.get("FAKE_BASELINE"):
        sys.exit(os.environ["FAKE_BASELINE"])
    (run / "baseline.json").write_text("{}")
else:
    stop = json.loads((run / "run.json").read_text())["stop"]
    (run / "result.json").write_text("{}")
    print(f"FAKE VERDICT {stop} {' '.join(sys.argv[3:])}".rstrip())
    sys.exit(int(os.environ.get("FAKE_FINISH", "0")))
