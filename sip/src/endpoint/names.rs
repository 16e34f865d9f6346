//! Tags, branches and other names that nobody can guess, derived from the seed: the same seed gives the same run.

use std::fmt::Write;

use aws_lc_rs::hmac;

use crate::redact::Secret;

/// Characters of a name: 128 bits in hexadecimal, more than the 32 that RFC 3261 §19.3 asks for.
const CHARS: usize = 32;

/// The source of names.
pub(crate) struct Names {
    key: hmac::Key,
    count: u64,
}

impl std::fmt::Debug for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Names")
            .field("count", &self.count)
            .finish_non_exhaustive()
    }
}

impl Names {
    pub(crate) fn new(seed: &Secret<[u8; 32]>) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, seed.expose()),
            count: 0,
        }
    }

    /// A name never given before.
    pub(crate) fn fresh(&mut self) -> String {
        self.count += 1;
        self.derive(b"fresh", &[&self.count.to_be_bytes()])
    }

    /// A number never given before, for what is decided by chance.
    pub(crate) fn chance(&mut self) -> u64 {
        let name = self.fresh();
        u64::from_str_radix(&name[..16], 16).expect("a name is hexadecimal")
    }

    /// The same name for the same parts: the tag of a stateless answer must not change when the request is repeated
    /// (RFC 3261 §8.2.7).
    pub(crate) fn repeatable(&self, parts: &[&[u8]]) -> String {
        self.derive(b"repeatable", parts)
    }

    fn derive(&self, purpose: &[u8], parts: &[&[u8]]) -> String {
        let mut context = hmac::Context::with_key(&self.key);
        for part in std::iter::once(&purpose).chain(parts) {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut name = String::with_capacity(CHARS);
        for byte in &context.sign().as_ref()[..CHARS / 2] {
            write!(name, "{byte:02x}").expect("writing into a string cannot fail");
        }
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fresh_names_differ_and_repeatable_names_repeat() {
        let seed = Secret::new([7; 32]);
        let mut names = Names::new(&seed);
        assert_ne!(names.fresh(), names.fresh());
        assert_eq!(
            names.repeatable(&[b"a", b"b"]),
            names.repeatable(&[b"a", b"b"])
        );
        assert_ne!(names.repeatable(&[b"a", b"b"]), names.repeatable(&[b"ab"]));
        assert_ne!(
            names.repeatable(&[b"a"]),
            Names::new(&Secret::new([8; 32])).repeatable(&[b"a"])
        );
    }
}
