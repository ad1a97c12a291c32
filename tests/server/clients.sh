#!/bin/sh
# Runs clients_test.py with the clients that ./test installs into build/clients. 77: they are not there.
python=build/clients/bin/python
if ! $python -c 'import anthropic, ollama, openai' 2>/dev/null; then
  echo "skipped: the official clients are not in build/clients; ./test installs them where a package registry is in reach"
  exit 77
fi
PYTHONDONTWRITEBYTECODE=1 exec $python tests/server/clients_test.py "$@"
