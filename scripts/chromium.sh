#!/usr/bin/env bash
# Makes sure the browser tests find a Chromium: chromium.sh VENV. Never fails: without one those tests skip and say so.
set -uo pipefail
venv=$1

for name in chromium chromium-browser google-chrome google-chrome-stable; do
  if command -v "$name" >/dev/null; then exit 0; fi
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "Installing Chromium for the browser tests …"
  export DEBIAN_FRONTEND=noninteractive
  if { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core; } >/dev/null 2>&1
  then exit 0; fi
fi
if "$venv/bin/playwright" install --only-shell chromium >/dev/null 2>&1; then exit 0; fi
echo "No Chromium could be installed: the browser tests will be skipped."
echo "Install it by hand (Debian: sudo apt-get install chromium) and run the tests again."
