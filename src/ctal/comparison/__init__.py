"""`ctal compare`: several networks on the same data, over several seeds, beside the trivial guess.

It writes comparison.md, comparison.json, figure.png and pareto.png, and a folder for each run.
"""

from ctal.cli.compare import compare
from ctal.comparison.table import Comparison, Row
from ctal.evaluation.metric_info import Measure, measures

__all__ = ["Comparison", "Measure", "Row", "compare", "measures"]
