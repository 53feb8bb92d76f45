"""Load for a deployment of one predictor: `locust -f locustfiles/single.py --host URL --prometheus-url URL`.

Without ``--headless`` the page on http://127.0.0.1:8089 starts and stops tests; each leaves a judged run
folder under ``runs/``. The options are those of ``python -m locustfiles --help``.
"""

import os
import sys
from pathlib import Path

# Locust puts the working folder first, where a user's own file (yaml.py) would hide a package that we import.
sys.path.remove(os.getcwd())  # noqa: PTH109  (as Locust wrote it)
sys.path.append(str(Path(__file__).resolve().parent.parent))  # Locust adds only this folder, and removes it again

from locustfiles.run.hooks import SeldonUser, register
from locustfiles.run.setup import SINGLE

register(SINGLE)


class SingleUser(SeldonUser):
    """Requests predictions from one predictor, and sends it the truth."""
