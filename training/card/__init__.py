"""The model card: what a bundle can do, where it fails, and the figures that say so."""
