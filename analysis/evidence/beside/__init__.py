"""What a predictor publishes beside the counts that it is judged by.

counters        other accounts of the same feedback, and counters of predictions: over time, with their bounds
"""
