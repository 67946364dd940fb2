"""Export: a network as an ONNX or torch.export file, compared with PyTorch.

`tracing` captures the graph of a network, `formats` writes and runs files, `parity` compares their
maps with those of PyTorch, `latency` times both.
"""
