"""The search for the highest rate that holds, without the load itself (that is `locustfiles.capacity`).

Results of steps come in; the next rate to try, and ``capacity.json``, ``.html`` and ``.md``, go out. Pure.

    search   the next rate, or why to stop; the answer
    step     what a step's ``result.json`` says of whether the rate held
    gates    what a step is held to, and how long it must last
    file     ``capacity.json``
    report   the three files
    charts   their pictures
"""
