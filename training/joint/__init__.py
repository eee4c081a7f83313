"""The model that ships: both heads trained together."""
