"""What is served: the data, the models, the Seldon class, its server; and the ground that all packages stand on.

contract       the names under which models publish: metrics, labels, cells
artifact       the card of a model file
estimator      a model file, loaded by its card's digest; what it answers
threshold      the threshold at which scores give answers
rows           rows and labels: files of them, requests of them
artifact_name  the name of a model file, as a manifest gives it
dataset        the data, and the held-out rows
card           ``python -m model.card``: makes the card of anybody's model
train          ``python -m model.train``: trains the example's models
MetricsModel   the Seldon class
linear         labels and scores of a bare linear classifier
metrics        the metrics store: counts that survive workers and threads
server         ``python -m model.server``: serves a Seldon class
stock          Seldon's own launcher, on loopback
printable      text of others, fit to be shown
own_files      files in a user's folder: only a command's own are overwritten
atomic         files that appear whole or not at all
command_line   the parser of every command
installation   where the project lies and may write; how its processes are started
"""
