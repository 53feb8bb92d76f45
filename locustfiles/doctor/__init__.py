"""A look at a deployment before anybody loads it: one prediction, one feedback, and what Prometheus makes of it.

The options of a load test come in; a line for each thing that was looked at, and an exit code go out.

__main__       ``python -m locustfiles.doctor``: options, order, exit code
observation    what one look gives: expected, observed, what to do
terminal       observations as lines
ingress        reaches the deployment: port, TLS, path, Host, login
requests       one prediction and one feedback
scraping       Prometheus and its targets: login, intervals, errors, pods that are scraped twice
series         the metrics: their names and labels by the metric map, and copies of them
growth         what the feedback added to them
"""
