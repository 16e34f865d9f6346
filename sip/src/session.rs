//! The INVITE usage of a dialog (RFC 3261 §13, §14).
