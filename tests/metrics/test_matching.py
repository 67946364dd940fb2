"""The maximum matching, compared with scipy's solvers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import maximum_bipartite_matching

from ctal.metrics.matching import Groups, Matching, count_matches


def benchmark_pairs(found: np.ndarray, true: np.ndarray, tolerance: float) -> int:
    """Count the pairs of minimum total distance, where an unmatched pixel costs 100 tolerances."""
    distance = np.linalg.norm(np.argwhere(found)[:, None] - np.argwhere(true)[None], axis=2)
    # a pair that is too far apart costs as much as two unmatched pixels
    cost = np.where(distance <= tolerance, distance, 200 * tolerance)
    rows, columns = linear_sum_assignment(cost)
    return int((distance[rows, columns] <= tolerance).sum())


def random_maps(seed: int, thresholds: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Return found pixels (H, W, K) that change, true ones (H, W), and a tolerance in pixels."""
    generator = np.random.default_rng(seed)
    size = tuple(generator.integers(1, 12, 2))
    strength = generator.random((*size, 1))
    found = strength > np.linspace(0, 1, thresholds)
    found &= generator.random(found.shape) > 0.15
    return found, generator.random(size) < generator.random(), generator.uniform(0.5, 4)


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 10**6))
def test_every_threshold_has_the_number_of_pairs_of_the_benchmark(seed):
    found, true, tolerance = random_maps(seed, 12)
    pixels = np.flatnonzero(found.any(axis=2))
    present = found.reshape(-1, 12)[pixels]
    expected = [benchmark_pairs(found[..., k], true, tolerance) for k in range(12)]
    assert count_matches(pixels, present, true, tolerance).tolist() == expected


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 10**6))
def test_the_matching_is_maximum_while_pixels_are_added_and_removed(seed):
    generator = np.random.default_rng(seed)
    there, true_count = generator.integers(1, 25, 2)
    allowed = generator.random((there, true_count)) < generator.uniform(0.02, 0.3)
    groups = [Groups(np.nonzero(pairs)[1], pairs.sum(axis=1)) for pairs in (allowed, allowed.T)]
    matching = Matching(*groups)
    present = np.zeros(there, bool)
    for index in generator.integers(0, there, 80):
        (matching.remove if present[index] else matching.add)(int(index))
        present[index] ^= True
        graph = csr_matrix(allowed & present[:, None])
        assert matching.pairs == (maximum_bipartite_matching(graph) >= 0).sum()


@pytest.mark.parametrize(("tolerance", "pairs"), [(0.9, 0), (1.0, 0), (1.42, 1), (2.0, 2)])
def test_the_tolerance_is_a_euclidean_distance(tolerance, pairs):
    found, true = np.zeros((6, 6), bool), np.zeros((6, 6), bool)
    found[1, 1] = found[4, 5] = True
    true[2, 2] = true[4, 3] = True  # at the distances sqrt(2) and 2
    pixels = np.flatnonzero(found)
    counted = count_matches(pixels, np.ones((2, 1), bool), true, tolerance)
    assert counted.tolist() == [pairs]


def test_pairs_are_exchanged_along_augmenting_paths():
    # a may be matched with x or y, b with x only
    matching = Matching(
        Groups(np.array([0, 1, 0]), np.array([2, 1])), Groups(np.array([0, 1, 0]), np.array([2, 1]))
    )
    matching.add(0)
    matching.add(1)
    assert matching.pairs == 2


def test_a_map_without_edges():
    none = np.zeros((3, 4), bool)
    pixels, present = np.array([5]), np.ones((1, 2), bool)
    assert count_matches(pixels, present, none, 2.0).tolist() == [0, 0]
    assert count_matches(pixels[:0], present[:0], ~none, 2.0).tolist() == [0, 0]
