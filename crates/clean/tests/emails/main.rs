//! E-mail addresses from outside the crate.

#[cfg(test)]
mod fields;
#[cfg(test)]
mod isemail;
#[cfg(test)]
mod knowledge;
