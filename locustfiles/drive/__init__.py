"""One generator process. A plan comes in; attempts go to the deployment, and batches of the ledger go out.

plan       what the process is given, and what it reports at its end
driver     the closed and the open loop, and the drain
attempts   one attempt: send once, read the answer, record once
recorder   from attempts to batches, and from batches to the ledger's file
clock      the wall clock read once, then the monotonic clock
cpu        the CPU time of this process, and how long it waited for a CPU
"""
