#!/bin/sh
# Brings a release of stepwise from STEPWISE_URL, unless it is there already, and prints the path of its binary.
set -eu

if [ -z "$STEPWISE_SHA256" ]; then
  echo "error: STEPWISE_URL has no checksum" >&2
  echo "hint: set STEPWISE_SHA256 to the SHA-256 of the archive" >&2
  exit 2
fi
# Beside the workspace, so that no checkout removes it; the checksum is its name, so that it is never an older one.
folder="${WORKSPACE_TMP:-$WORKSPACE@tmp}/stepwise-$STEPWISE_SHA256"
if [ ! -x "$folder/bin/stepwise" ]; then
  mkdir -p "${folder%/*}"
  draft=$(mktemp -d "$folder.XXXXXX")
  trap 'rm -rf "$draft"' EXIT
  curl --fail --silent --show-error --location --retry 3 --output "$draft/archive" "$STEPWISE_URL"
  echo "$STEPWISE_SHA256  $draft/archive" | sha256sum --check --quiet >&2
  mkdir "$draft/release"
  tar -xzf "$draft/archive" -C "$draft/release"
  if [ ! -x "$draft/release/bin/stepwise" ]; then
    echo "error: the archive has no program bin/stepwise" >&2
    echo "hint: STEPWISE_URL is that of a release, and so is its checksum" >&2
    exit 1
  fi
  # Another branch of the build may have been faster.
  mv -T "$draft/release" "$folder" 2> /dev/null || [ -x "$folder/bin/stepwise" ]
fi
echo "$folder/bin/stepwise"
