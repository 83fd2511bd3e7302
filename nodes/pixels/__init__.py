"""Tensors and pictures: masks, wire format, regions."""
