"""Driving: Locust users that send predictions and feedback, and the recorder of every attempt."""
