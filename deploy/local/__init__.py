"""The local stack: what a SeldonDeployment describes, as real processes on 127.0.0.1.

    __main__   ``python -m deploy.local``: run, up, down, status
    launch     from a manifest to a stack that runs
    config     what is to run, as values and configuration files
    running    what runs: processes, their state file, their end
    errors     `StackError`

``images.toml`` maps an image to the command that starts it here.
"""
