#!/bin/sh
# Imports the component under Rasa Pro, which validates a graph with it and reads a message.
#
#     tests/rasa_pro/check.sh [python3.11]
#
# Validated, not run: training and serving a bot with Rasa Pro needs a licence; this does not.
# Builds .venv-rasa-pro at first (a minute or more, one gigabyte).
set -eu
cd "$(dirname "$0")/../.."
python=${1:-python3.11}
environment=.venv-rasa-pro

if [ ! -e "$environment/ready" ]; then
    "$python" -m venv --clear "$environment"
    "$environment/bin/pip" install --quiet uv
    "$environment/bin/uv" pip install --quiet --python "$environment/bin/python" \
        "rasa-pro==3.21.0" --editable ".[client]"
    touch "$environment/ready"
fi
# LiteLLM, a dependency of Rasa Pro, would ask the network for prices.
export RASA_TELEMETRY_ENABLED=false LITELLM_LOCAL_MODEL_COST_MAP=True
exec "$environment/bin/python" -W ignore tests/rasa_pro/validate.py
