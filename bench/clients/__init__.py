"""The load generators that are compared.

loads           how each is started, and what it reports
load_ours       ours
load_locust     Locust's own users
load_requests   a loop of `requests`
"""
