"""`ctal export`: a network as an ONNX or torch.export file, proven against PyTorch.

`tracing` makes a graph of the network, `formats` writes and runs files, `parity` compares their
maps with PyTorch's, `latency` times both.
"""

from ctal.cli.export import export_file

__all__ = ["export_file"]
