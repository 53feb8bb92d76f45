"""Pure arithmetic, each formula once and with its source: numbers in, numbers out.

confusion           counts of the four cells, and the ratios that they determine
classification      precision, recall and F1 by class and on average, for any number of classes
latency             exact percentiles of times
proportions         Wilson intervals, McNemar's test, the binomial rule of gates
average_precision   precision and average precision of weighted rows, and their bounds from score buckets
assignment          whether events can be given to ways of counting so that counts add up
bootstrap           paired percentile bootstrap over rows
"""
