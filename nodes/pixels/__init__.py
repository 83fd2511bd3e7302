"""Tensors and pictures: masks, regions, files, answers pasted back."""
