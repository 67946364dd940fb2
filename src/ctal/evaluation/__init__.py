"""Evaluation: metrics of all tasks over a dataset."""
