"""Trains and exports the CNN models of Fewbit's gallery."""
