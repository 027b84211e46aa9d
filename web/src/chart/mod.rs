//! Charts: pure `scale → ticks → path` functions and thin components.
