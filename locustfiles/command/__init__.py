"""The front door: command-line options come in; the command that runs the test goes out.

parser     the options
checks     every input, checked before anything starts; the run folder
commands   Locust's command, inside a local stack or on an existing deployment
"""
