//! Random words, from the operating system.

/// A word of 128 random bits in hexadecimal: nobody can guess it, and nothing else prints it by chance.
///
/// # Panics
/// When the operating system gives no random bytes; nothing safe can be done then.
pub(crate) fn nonce() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    base16ct::lower::encode_string(&bytes)
}
