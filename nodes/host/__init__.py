"""ComfyUI and the server around the nodes."""
