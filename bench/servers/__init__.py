"""The servers that the benchmarks use.

model_servers   the served model, the stock wrapper and the two ends of the scale
bare            these two ends
nginx           a trivial server
stalling        a server that stands still once
"""
