"""The canvas, in a real Chromium on ComfyUI's real frontend. A package, so that its fixtures end with its last test."""
