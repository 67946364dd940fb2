"""What holds for the whole suite."""

import os

# Small tensors gain nothing from threads, and the tests of one machine share its cores. Set before
# torch is imported, and inherited by the commands that tests start.
os.environ["OMP_NUM_THREADS"] = "1"
