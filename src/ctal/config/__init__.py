"""Configuration files and command line arguments."""
