"""The checks: evidence in, findings out. Pure: nothing here reads a file or queries a server.

registry          every check in order, and the judge that runs them
due               which checks are due for a run, and a finding where one did not speak
run_checks        the right models and rows, a complete ledger, a load as it was asked for
stored_checks     what Prometheus stored: samples, clocks, gaps, resets
answer_checks     the answers that clients got
endpoint_checks   the models' own endpoints, and where an error is according to all witnesses
count_checks      counts within bounds at every scrape, and equal at the end
loss_checks       feedback that failed, and what it would have changed
curve_checks      the score curve
failed_requests   how requests failed, in words
counter_checks    the counters beside the cells
reward_checks     the wrapper's own feedback counter
gates             limits that the user sets
diagnose          the diagnosis of wrong counts, from their shape over the scrapes
diagnose_model    the part of it that the last counts alone show: another model, another threshold
compare           which model is better: primary against shadow, on distinct rows
"""
