"""Second opinions on Fewbit's methods."""
