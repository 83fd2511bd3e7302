"""Side by side with the official SDK and with ComfyUI's own nodes; each file prints ratios of one run."""
