//! x
/// x
pub struct Patch;
