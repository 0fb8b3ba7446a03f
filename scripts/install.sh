#!/usr/bin/env bash
# Installs askmesh into a virtual environment: install.sh runtime|models|finetune|test VENV. Used by the Makefile.
set -euo pipefail
cd "$(dirname "$0")/.."
level=$1 venv=$2

find_python() { # prints a Python that is new enough and can make a virtual environment
  local candidate
  for candidate in ${PYTHON:-} python3.11 python3.12 python3.13 python3; do
    if "$candidate" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
  cat >&2 <<'TEXT'
askmesh needs Python 3.11 or newer with its venv module, and none was found.
  Debian, Ubuntu:  sudo apt-get install python3.11 python3.11-venv
  Fedora:          sudo dnf install python3.11
  macOS:           brew install python@3.11
  elsewhere:       https://www.python.org/downloads/
Or say where it is: make up PYTHON=/path/to/python3.11
TEXT
  return 1
}

pip() { "$venv/bin/python" -m pip --disable-pip-version-check install --quiet --no-deps "$@"; }
locked() { pip --require-hashes -r "requirements/$1.txt" "${@:2}"; }

install_runtime() {
  if [ ! -x "$venv/bin/python" ]; then
    local python
    python=$(find_python)
    echo "Making a virtual environment in $venv with $("$python" --version) …"
    "$python" -m venv "$venv"
  fi
  echo "Installing askmesh and what it runs on (once; about 300 MB) …"
  locked build
  locked runtime
  # The locks hold all that is needed; the project's own packages are linked, so that edits take effect at once.
  pip --no-build-isolation -e libs/kit -e services/embeddings -e services/vectordb -e services/llm -e services/bot
}

install_models() {
  echo "Installing torch's CPU build and transformers (once; about 900 MB) …"
  locked torch 2>/dev/null || locked torch --index-url https://download.pytorch.org/whl/cpu
  locked models
}

install_finetune() {
  echo "Installing the trainer of sentence-transformers (once; about 200 MB) …"
  locked finetune
}

install_test() {
  echo "Installing what the tests and linters need (once) …"
  locked test
}

"install_$level"
