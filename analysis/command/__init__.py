"""The steps of ``python -m analysis``: each takes parsed options, works on a run folder, and gives an exit code.

judge_step   ``judge``, which neither queries a server nor draws a page, so that it starts at once
steps        ``baseline``, ``collect``, ``report``, ``finish``
project      gates of the working folder's ``pyproject.toml``
"""
