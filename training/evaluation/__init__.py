"""Zero-shot evaluation: the distillation paper's tables, for any checkpoint or bundle."""
