"""What the scrapes of the models' endpoints show, target by target and together.

Stored series (`samples`) come in; counts since the run began go out, each with the time that it is of.

    absences        series that a good scrape lacks
    published       the series of a predictor that make claims
    targets         the scrapes of one target; which targets had a part in the run, and their baselines
    duplicates      one process that is stored twice
    trajectories    the counts of several targets together, scrape by scrape
    growth          the growth of other counters, each from a baseline of its own
"""
