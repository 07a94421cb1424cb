#!/usr/bin/env bash
# What `make demo` shows: a real project, from its template to a result, up to date the second time.
#   demo.sh DIRECTORY        PROJ names the tool, PYTHON the interpreter for the project's environment
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
demo=$1
proj=${PROJ:-proj}

say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }

say "1. A fresh copy of the penguins template in $demo/"
rm -rf "$demo" "$(dirname "$demo")/penguins-remote" "$demo-cache"  # the remote that the template names, and our run cache
mkdir -p "$demo-cache" && PROJ_CACHE_DIR=$(cd "$demo-cache" && pwd) && export PROJ_CACHE_DIR
"$proj" clone penguins "$demo"
cd "$demo"

say "2. Its own environment, .venv (scikit-learn and matplotlib; a minute the first time)"
"${PYTHON:-python3}" -m venv .venv
.venv/bin/python -m pip install --quiet -r requirements.txt

say "3. proj run all"
"$proj" run all

say "4. proj run all, again: nothing to do"
"$proj" run all

say "5. Another hyper-parameter: prepare is still up to date, the rest says why it runs"
sed -i.bak 's/^  C: .*/  C: 0.01/' project.yml && rm project.yml.bak
"$proj" status || true
"$proj" run all
say "6. And back: the run cache restores the first result"
cp "$here/../templates/penguins/project.yml" project.yml
"$proj" run all

say "7. Push the outputs to a remote (a directory), delete them, pull them back"
remote_url=${DEMO_REMOTE:-}
if [ -n "$remote_url" ]; then
    sed -i.bak "s|^  default: .*|  default: $remote_url|" project.yml && rm project.yml.bak
fi
"$proj" push
"$proj" ls
rm -rf corpus training reports
"$proj" pull
"$proj" push --verify
"$proj" status --remote default
"$proj" run all

say "Accuracy on the held-out penguins"
.venv/bin/python -c 'import json; m = json.load(open("metrics.json")); print("accuracy", m["accuracy"])'
