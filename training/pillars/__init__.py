"""Emo Pillars (arXiv 2504.16856): emotion examples, with and without context, made by an LLM."""
