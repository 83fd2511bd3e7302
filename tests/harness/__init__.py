"""A real ComfyUI for the tests and for `dev.py`: found, started, talked to, ended."""
