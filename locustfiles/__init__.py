"""Driving: Locust users that send predictions and feedback, and the recorder of every attempt.

A manifest, a card and held-out rows come in; requests go to the ingress, and a run folder with its ledger goes out.
`single.py` and `shadow.py` are what a user opens. In the order of the flow:

    single        load for a deployment of one predictor: ``locust -f locustfiles/single.py``
    shadow        load for a primary and its shadow: ``locust -f locustfiles/shadow.py``
    command       the front door, ``python -m locustfiles``: options, checks, the commands that it becomes
    load          what is asked for: options, shapes, schedules, arrivals, the order of rows
    http1         HTTP/1.1: pool, connection, socket, deadlines, the outcome of a request
    protocol      Seldon over REST and gRPC: requests and answers
    drive         one generator process: plan, driver, attempts, recorder
    calibration   what a generator process can do on this machine
    run           one test under Locust: setup, hooks, run folder, workers, judging
    capacity      ``python -m locustfiles.capacity``: steps of load for the search of `analysis.capacity`
    doctor        ``python -m locustfiles.doctor``: a look at a deployment before it is loaded
    __main__      ``python -m locustfiles``

Locust puts this folder first on ``sys.path`` while it imports a locustfile. So no folder here may be called like a
package that is imported later: ``http1`` is not called ``http``.
"""
