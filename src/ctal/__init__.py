"""Multitask dense scene prediction with cross-task affinity learning."""
