# Sourced by the other scripts, in the repository's folder: where the environment is.
#   HOMEASSISTANT_VERSION=2026.11.0 scripts/...    another Home Assistant, in an
#                                                  environment of its own
venv=.venv
if [ -n "${HOMEASSISTANT_VERSION:-}" ]; then
    venv=.python/home-assistant-$HOMEASSISTANT_VERSION
    export PYTEST_ADDOPTS="-p tests.support.another_version ${PYTEST_ADDOPTS:-}"
fi
