"""Contrastive distillation of an LLM's emotion descriptors (arXiv 2505.18040)."""
