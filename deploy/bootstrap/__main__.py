"""Make or refresh ``.venv``: ``python3 -m deploy.bootstrap``."""

from __future__ import annotations

import sys

from deploy.bootstrap.environment import main

sys.exit(main())
