"""What the parts share.

errors         `BenchError`
paths          where the repository and its tools are
ports          free ports, and the wait for a server
programs       foreign programs, from PATH or out of Debian's packages
subprocesses   child processes and what they cost
peak_memory    a module run with its peak memory printed
bare_http      a small client for measuring servers
spread         several rounds of one figure
"""
