"""Comparison of several networks on the same data, over several seeds, with a trivial baseline."""

from ctal.comparison.row import Row
from ctal.comparison.table import Comparison
from ctal.evaluation.metric_info import Measure, measures

__all__ = ["Comparison", "Measure", "Row", "measures"]
