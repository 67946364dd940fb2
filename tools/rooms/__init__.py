"""Makes the Rooms dataset: indoor scenes rendered by a path tracer, with exact ground truth.

Run ``python -m tools.rooms --help`` from the repository root; ``docs/rooms.md`` is the data card.
"""
