//! Concealment.
/// Makes up sound.
#[derive(Debug)]
pub struct Concealer;
