"""What importing the pack adds to the start of a ComfyUI server that has imported its own modules.

Python compiles a module once after an installation and keeps the bytecode; what a user has at every start after the first
is without that. And what the host has lying about is not the pack's: without a collection before, one of the host's whole
heap, ten times as long as the import, falls into some of the measurements.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from harness import launch

MOST_S = 0.1
RUNS = 5

# In a process of its own each time, after everything that the server itself imports before it comes to custom nodes.
_PROBE = """
import asyncio, gc, importlib.util, sys, time
import comfy.options
root = sys.argv.pop()
comfy.options.enable_args_parsing()
began = time.perf_counter()
import server, execution, nodes, comfy_api.latest
asyncio.run(nodes.init_builtin_extra_nodes())
own = time.perf_counter() - began
gc.collect()
began = time.perf_counter()
spec = importlib.util.spec_from_file_location("pack", root + "/__init__.py", submodule_search_locations=[root])
pack = importlib.util.module_from_spec(spec)
sys.modules["pack"] = pack
spec.loader.exec_module(pack)
extension = asyncio.run(pack.comfy_entrypoint())
found = asyncio.run(extension.get_node_list())
for node in found:
    node.GET_SCHEMA()
print(own, time.perf_counter() - began, len(found))
"""


def main() -> int:
    """Print the times of one run; 1 if the pack is too slow."""
    comfyui = launch.comfyui_directory()
    if comfyui is None:
        sys.exit("No ComfyUI: set COMFYUI_DIR, or run `python3 dev.py bench`.")
    own, added, count = [], [], 0
    with tempfile.TemporaryDirectory() as folder:
        env = launch.environment(Path(folder) / "home")
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        env["PYTHONPYCACHEPREFIX"] = str(Path(folder) / "bytecode")
        line = [launch.comfyui_python(), "-c", _PROBE, "--cpu", "--base-directory", folder]
        for _ in range(1 + RUNS):
            answer = subprocess.run(
                [*line, str(launch.ROOT)],
                cwd=comfyui,
                env=env,
                capture_output=True,
                text=True,
                check=False,
            )
            if answer.returncode:
                sys.exit(answer.stderr)
            first, second, number = answer.stdout.split()[-3:]
            own.append(float(first))
            added.append(float(second))
            count = int(number)
    typical = statistics.median(added[1:])
    print(f"ComfyUI's own imports  {statistics.median(own[1:]):6.2f} s")
    print(f"the pack ({count} nodes)     {typical:6.3f} s, at most {MOST_S} s")
    print(f"ratio                  {typical / statistics.median(own[1:]):6.3f}")
    print(f"after an installation  {added[0]:6.3f} s")
    return int(typical > MOST_S)


if __name__ == "__main__":
    sys.exit(main())
