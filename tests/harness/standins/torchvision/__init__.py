"""Stands in for torchvision, which ComfyUI imports at start and whose registry build fails on a CPU torch."""

from empty_package import attributes_of

__getattr__ = attributes_of(__name__)
