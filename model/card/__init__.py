"""``python -m model.card``: the card of a model (or of a file of its answers), and held-out rows, in a user's folder.

__main__   the command: options in, files and the next command out
source     a table with a column of truth, read into typed rows
subject    the model or the answers: what it takes, how it scores, what it answers
errors     what is refused
making     the card: positive class, scorer, threshold, edges, figures
"""
