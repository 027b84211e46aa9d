//! Small parts that every panel uses.
