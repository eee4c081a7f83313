"""The sidecar: emotions for any bot, over HTTP. Run it with ``python -m server``."""
