"""What the judge is compared with.

judge_world   a clean run of any length, without a server
by_pandas     its counts by pandas and scikit-learn
"""
