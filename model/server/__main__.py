"""Serve a Seldon class: ``python -m model.server [CLASS] [options]``."""

from __future__ import annotations

import sys

from model.server.serving import main

if __name__ == "__main__":
    sys.exit(main())
