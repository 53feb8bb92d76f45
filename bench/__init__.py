"""Plumbline measured beside others, in ratios of one run.

__main__    ``python -m bench``: runs the parts and writes ``results.json``
parts       one file for each part: what is compared with what
clients     the load generators that are compared
servers     the servers that are compared, or that others are measured against
reference   the judge's work by pandas and scikit-learn, and the runs to judge
tools       processes, ports, programs, peak memory
"""
