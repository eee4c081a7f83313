"""Calling large language models: many calls, within limits, none lost and none paid twice."""
