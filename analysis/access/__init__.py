"""How an ingress and a Prometheus are reached that do not answer everybody: what each request to them carries.

An access file of TOML comes in, which names variables and files; values go out, to be sent and never to be shown.

    access       what goes with each request: headers, Host, certificates; and how to mask it in answers
    access_file  reads the file
"""
