"""Inspection of datasets: problems, contact sheets, statistics, samples shared by splits."""
