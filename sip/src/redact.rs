//! Personal data and secrets as types that cannot be printed.
//!
//! A [`Pii`] carries its purpose in the type, so that retention and audience are facts the compiler knows. A [`Secret`]
//! has no `Display`, compares in constant time and is wiped when dropped.

use std::{fmt, marker::PhantomData};

use subtle::ConstantTimeEq;
use zeroize::Zeroize;

/// Why a piece of personal data is held, who may see it and how long it lives.
pub trait Purpose {
    /// The purpose in a few words, for the generated papers.
    const NAME: &'static str;
    /// Who may see it.
    const AUDIENCE: &'static str;
    /// How long it is kept.
    const RETENTION: &'static str;
}

/// Carrying a call: numbers, SIP URIs, addresses, user agents, SDP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Carriage;

impl Purpose for Carriage {
    const NAME: &'static str = "carrying a call";
    const AUDIENCE: &'static str = "nobody";
    const RETENTION: &'static str = "until the call ends";
}

/// Telling participants apart: display names and pseudonyms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Naming;

impl Purpose for Naming {
    const NAME: &'static str = "telling participants apart";
    const AUDIENCE: &'static str = "the participants of the conference";
    const RETENTION: &'static str = "until the conference ends";
}

/// What every redacted value prints.
const REDACTED: &str = "‹redacted›";

/// Personal data held for the purpose `P`; prints `‹redacted›`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Pii<T, P: Purpose = Carriage> {
    value: T,
    purpose: PhantomData<P>,
}

impl<T, P: Purpose> Pii<T, P> {
    /// Wraps a value.
    pub const fn new(value: T) -> Self {
        Self {
            value,
            purpose: PhantomData,
        }
    }

    /// Returns the value for use; the caller must not print it.
    pub const fn expose(&self) -> &T {
        &self.value
    }

    /// Unwraps the value; the caller must not print it.
    pub fn into_inner(self) -> T {
        self.value
    }
}

impl<T, P: Purpose> fmt::Debug for Pii<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl<T, P: Purpose> fmt::Display for Pii<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

/// A PIN, password, token or key.
#[derive(Clone)]
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Wraps a secret.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// Returns the secret for use; the caller must not print it.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl<T: Zeroize + AsRef<[u8]>> PartialEq for Secret<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_ref().ct_eq(other.0.as_ref()).into()
    }
}

impl<T: Zeroize + AsRef<[u8]>> Eq for Secret<T> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_printed() {
        let number: Pii<_> = Pii::new("+4930123456");
        let name: Pii<_, Naming> = Pii::new("Anna");
        let pin = Secret::new(String::from("24681357"));
        assert_eq!(
            format!("{number} {number:?} {name:?} {pin:?}"),
            [REDACTED; 4].join(" ")
        );
    }

    #[test]
    fn secrets_compare_by_content() {
        assert_eq!(Secret::new(vec![1, 2]), Secret::new(vec![1, 2]));
        assert_ne!(Secret::new(vec![1, 2]), Secret::new(vec![1, 2, 3]));
    }
}
