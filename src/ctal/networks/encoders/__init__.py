"""Encoders: feature pyramids of any timm model."""
