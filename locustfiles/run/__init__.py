"""One test under Locust, from its options to its verdict.

hooks             what `single.py` and `shadow.py` share: options, users, Locust's events
setup             everything that a test needs, read and checked
controller        the process that controls the tests: the local runner's, or the master's
judged_run        one run: folder, ``run.json``, baseline, ledger, judging
analysis_stages   ``python -m analysis`` before and after the load
generators        the interface to the processes that make the load
local             the load from this process
master            the load from workers, as the master sees it
worker            a worker
worker_clock      a worker's clock against the master's
messages          the messages between master and workers
start             makes a driver and lets it go
web_page          who may use Locust's page, and what it may change
load_shape        the end of an open loop
exit_code         the judge's exit code, and Locust's option beside it
progress          the progress line
"""
