"""What is asked for. Options come in; rows and due times go out. Pure and seeded, apart from reading files.

options    the options as data, and `LoadOptions`, checked
shapes     the language of ``--shape``, and the rate over time that it describes
expected   what stands for each predictor: its artefact, and whose answers are expected of it
schedule   which schedule the options ask for
arrivals   when the visits of an open loop are due
visits     which rows are visited, in which order, and what is sent
"""
