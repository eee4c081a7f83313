"""What the distillation paper compares with; one baseline a file."""
