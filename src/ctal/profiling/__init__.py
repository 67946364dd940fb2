"""Profiling: parameters, multiply-adds, memory and time of a network and its modules."""
