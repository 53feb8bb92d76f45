"""One file for each part of ``make bench``: rounds of two things in turn come in; ratios go out.

generator   our generator beside other clients
harness     the whole harness beside wrk
open_loop   the open loop beside its schedule
stall       a server that stands still
server      the served model beside the stock wrapper
judge       the judge beside pandas and scikit-learn
stack       how long a run takes besides its load
memory      the generator's memory
"""
