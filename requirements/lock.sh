#!/usr/bin/env bash
# Writes the hashed locks from the services' pyproject files. `make lock` runs it; UPGRADE=1 takes newer versions.
set -euo pipefail
cd "$(dirname "$0")/.."
export UV_CUSTOM_COMPILE_COMMAND="make lock"
compile=(uv pip compile --quiet --generate-hashes --python-version 3.11 --no-emit-package askmesh-kit ${UPGRADE:+--upgrade})
out=requirements

service() { # name extra...: one lock for one service's image, with the versions of runtime.txt
  local name=$1 extras=()
  shift
  for extra in "$@"; do extras+=(--extra "$extra"); done
  "${compile[@]}" --override "$out/overrides.txt" -c "$out/runtime.txt" "${extras[@]}" \
    "services/$name/pyproject.toml" libs/kit/pyproject.toml -o "$out/$name.txt"
}

"${compile[@]}" "$out/build.in" -o "$out/build.txt"
"${compile[@]}" --override "$out/overrides.txt" --extra pinecone --extra postgres --extra redis --extra discord \
  libs/kit/pyproject.toml services/{embeddings,vectordb,llm,bot}/pyproject.toml -o "$out/runtime.txt"
service embeddings
service vectordb pinecone postgres qdrant redis
service llm
service bot discord postgres
# torch itself is installed from torch.txt: its CPU build lives on an index of its own.
"${compile[@]}" -c "$out/runtime.txt" --no-emit-package torch "$out/models.in" -o "$out/models.txt"
on_torch() { # name: a lock of what goes on top of models.txt
  "${compile[@]}" -c "$out/runtime.txt" -c "$out/models.in" -c "$out/models.txt" --no-emit-package torch \
    "$out/$1.in" -o "$out/$1.txt"
}
on_torch finetune
on_torch test
