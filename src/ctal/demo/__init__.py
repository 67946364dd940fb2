"""Demo: predictions and affinities in the browser, served on this machine only."""
