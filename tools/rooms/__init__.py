"""Generator of the Rooms dataset: indoor scenes rendered by path tracing, with ground truth.

Run ``python -m tools.rooms --help`` from the repository root; ``docs/rooms.md`` is the data card.
"""
