"""The server of a Seldon class, in place of ``seldon-core-microservice``: same flags, environment and routes.

__main__    ``python -m model.server``
options     flags and environment
serving     REST, gRPC and metrics
supervise   the processes of a server
worker      gunicorn's worker, without its wait for silent connections
shortcut    a short way for the usual payloads
feedback    feedback from JSON to arrays and back
"""
