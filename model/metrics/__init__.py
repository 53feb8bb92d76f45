"""The metrics store: counts of requests and feedback come in; Prometheus text goes out.

store           takes the place of Seldon's own store
slots           shared memory for counts, which outlives a worker
exposition      the text
score_buckets   decision scores counted into buckets
"""
