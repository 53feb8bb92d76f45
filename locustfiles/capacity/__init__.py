"""The capacity search with real load: options come in; ``capacity.json``, ``.html`` and ``.md`` go out.

__main__      ``python -m locustfiles.capacity``: the search, in a local stack or on an existing deployment
step_runner   one step: a warm-up, a drain, and a judged run
drain         the wait until the load before has been counted
"""
