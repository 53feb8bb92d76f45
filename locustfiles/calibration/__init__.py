"""What a generator process can do on this machine, measured before an open loop, against a server that costs nothing.

calibration       the figures, the warning, and the process that measures them
measure           that process
constant_server   the server
"""
