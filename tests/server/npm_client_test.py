"""Runs npm_client.cjs over two servers. Usage: npm_client_test.py FREEHOLD TINY_MODEL. Exit status 77: the client, which
./test installs into build/clients where npm and a registry are, is not there."""
import os
import shutil
import subprocess
import sys
import tempfile

import scripted_model
from serving import Serving

FREEHOLD, TINY = sys.argv[1:3]
MODULES = os.path.abspath("build/clients/node_modules")

if not shutil.which("node") or not os.path.isdir(os.path.join(MODULES, "openai")):
    print("skipped: the openai npm client is not in build/clients; ./test installs it where npm and a registry are in reach")
    sys.exit(77)
with tempfile.TemporaryDirectory() as folder:
    scripted = os.path.join(folder, "scripted.gguf")
    scripted_model.weather(scripted)
    servers = [Serving(FREEHOLD, model, "--context", "1024") for model in (TINY, scripted)]
    client = subprocess.run(["node", "tests/server/npm_client.cjs", *(s.about["url"] for s in servers)], timeout=300, check=False,
                            env={**os.environ, "NODE_PATH": MODULES})
    ends = [server.end() for server in servers]
sys.exit(client.returncode or any(ends))
