"""What runs: an assembled stack comes in; processes are started, watched and ended.

stack           a stack: started in order, watched, stopped in reverse order
child_process   one process of it: log, restarts, end
processes       process groups as ``/proc`` shows them
probe           whether a server serves
listening       on which addresses it listens
command         the command that runs inside a stack
state           the state file
background      a stack that stays: started, looked at, ended from another process
"""
