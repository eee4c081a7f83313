"""TACO: fine-grained emotion classification by three views (ACL 2025)."""
