"""A recorded run as pandas DataFrames, for a notebook. It reads a run folder and changes nothing.

    import pandas as pd
    from analysis.notebook import open_run

    run = open_run("runs/latest")
    rows = run.rows()                                               # a line for each held-out row
    wrong = rows[rows["served"] != rows["truth"]]                   # what was never answered is in neither
    apart = rows[rows["default_offline"] != rows["shadow_offline"]]
    print(run, len(wrong), "rows answered wrongly,", len(apart), "on which the models differ")
    print(pd.crosstab(rows["truth"], rows["served"]))
    print(run.counts().pivot_table(index="time", columns=["predictor", "cell"], values="live").tail())
    print(run.events().groupby("kind", observed=True)["response_ms"].quantile([0.5, 0.99]).unstack())

A run folder comes in; DataFrames go out. Nothing else of the project imports this room, because pandas takes a second.

    recorded_run   `RecordedRun`: what a run folder holds, each thing as a frame
    frames         from values to frames: the columns and their units
"""

from analysis.notebook.recorded_run import RecordedRun, open_run

__all__ = ["RecordedRun", "open_run"]
