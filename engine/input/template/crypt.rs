//! Passwords as `/etc/shadow` holds them: the hashes of crypt(3), `$6$`, `$5$` and `$1$`.

use md5::Md5;
use sha2::{Digest, Sha256, Sha512};

/// The characters of a salt and of a hash, in the order of what they mean.
const DIGITS: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The hash of a password. The rounds are what Ansible takes where nobody says otherwise.
///
/// # Errors
/// What is wrong with the salt, the kind or the rounds.
pub(super) fn hash(
    kind: &str,
    password: &str,
    salt: &str,
    rounds: Option<usize>,
) -> Result<String, String> {
    let (max, usual) = match kind {
        "sha512" | "sha512_crypt" => (16, 656_000),
        "sha256" | "sha256_crypt" => (16, 535_000),
        "md5" | "md5_crypt" => (8, 0),
        _ => {
            return Err(format!("there is no type of password hash `{kind}`: sha512, sha256, md5"));
        }
    };
    if salt.is_empty() || salt.len() > max || !salt.bytes().all(|byte| DIGITS.contains(&byte)) {
        return Err(format!("a salt is 1 to {max} letters, digits, dots and slashes"));
    }
    let rounds = rounds.unwrap_or(usual);
    if usual > 0 && !(1000..=999_999_999).contains(&rounds) {
        return Err("`rounds` is from 1000 to 999999999".to_owned());
    }
    let (password, salted) = (password.as_bytes(), salt.as_bytes());
    let said = if rounds == 5000 { String::new() } else { format!("rounds={rounds}$") };
    Ok(match max {
        8 => format!("$1${salt}${}", md5(password, salted)),
        _ if kind.starts_with("sha512") => {
            format!(
                "$6${said}{salt}${}",
                sha(&Sha512::digest, password, salted, rounds, &ORDER_512)
            )
        }
        _ => format!(
            "$5${said}{salt}${}",
            sha(&Sha256::digest, password, salted, rounds, &ORDER_256)
        ),
    })
}

/// The places of the bytes of a digest in its text, three for each four characters.
const ORDER_512: [usize; 64] = [
    0, 21, 42, 22, 43, 1, 44, 2, 23, 3, 24, 45, 25, 46, 4, 47, 5, 26, 6, 27, 48, 28, 49, 7, 50, 8,
    29, 9, 30, 51, 31, 52, 10, 53, 11, 32, 12, 33, 54, 34, 55, 13, 56, 14, 35, 15, 36, 57, 37, 58,
    16, 59, 17, 38, 18, 39, 60, 40, 61, 19, 62, 20, 41, 63,
];
const ORDER_256: [usize; 32] = [
    0, 10, 20, 21, 1, 11, 12, 22, 2, 3, 13, 23, 24, 4, 14, 15, 25, 5, 6, 16, 26, 27, 7, 17, 18, 28,
    8, 9, 19, 29, 31, 30,
];
const ORDER_MD5: [usize; 16] = [0, 6, 12, 1, 7, 13, 2, 8, 14, 3, 9, 15, 4, 10, 5, 11];

fn encoded(digest: &[u8], order: &[usize]) -> String {
    let mut text = String::new();
    for places in order.chunks(3) {
        let mut bits = places.iter().fold(0_u32, |bits, at| bits << 8 | u32::from(digest[*at]));
        for _ in 0..=places.len() {
            text.push(DIGITS[(bits & 63) as usize] as char);
            bits >>= 6;
        }
    }
    text
}

/// A digest, repeated and cut to a length.
fn stretched(digest: &[u8], length: usize) -> Vec<u8> {
    digest.iter().copied().cycle().take(length).collect()
}

fn sha<O: AsRef<[u8]>>(
    digest: &dyn Fn(Vec<u8>) -> O,
    password: &[u8],
    salt: &[u8],
    rounds: usize,
    order: &[usize],
) -> String {
    let of = |parts: &[&[u8]]| digest(parts.concat()).as_ref().to_vec();
    let other = of(&[password, salt, password]);
    let mut first = [password, salt, &stretched(&other, password.len())].concat();
    let mut bits = password.len();
    while bits > 0 {
        first.extend_from_slice(if bits & 1 == 1 { &other } else { password });
        bits >>= 1;
    }
    let mut hash = of(&[&first]);
    let of_password = stretched(&of(&[&password.repeat(password.len())]), password.len());
    let of_salt = stretched(&of(&[&salt.repeat(16 + usize::from(hash[0]))]), salt.len());
    for round in 0..rounds {
        let odd = round % 2 == 1;
        let mut all = Vec::with_capacity(2 * (hash.len() + of_password.len()) + of_salt.len());
        all.extend_from_slice(if odd { &of_password } else { &hash });
        if round % 3 != 0 {
            all.extend_from_slice(&of_salt);
        }
        if round % 7 != 0 {
            all.extend_from_slice(&of_password);
        }
        all.extend_from_slice(if odd { &hash } else { &of_password });
        hash = digest(all).as_ref().to_vec();
    }
    encoded(&hash, order)
}

fn md5(password: &[u8], salt: &[u8]) -> String {
    let of = |parts: &[&[u8]]| Md5::digest(parts.concat()).to_vec();
    let other = of(&[password, salt, password]);
    let mut first = [password, b"$1$", salt, &stretched(&other, password.len())].concat();
    let mut bits = password.len();
    while bits > 0 {
        first.push(if bits & 1 == 1 { 0 } else { password.first().copied().unwrap_or_default() });
        bits >>= 1;
    }
    let mut hash = of(&[&first]);
    for round in 0..1000 {
        let odd = round % 2 == 1;
        let parts: [&[u8]; 4] = [
            if odd { password } else { &hash },
            if round % 3 != 0 { salt } else { &[] },
            if round % 7 != 0 { password } else { &[] },
            if odd { &hash } else { password },
        ];
        hash = of(&parts);
    }
    encoded(&hash, &ORDER_MD5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_crypt() {
        // openssl passwd -6 -salt saltstri 'Hello world!', and the same with -5 and -1.
        let hashed = |kind| hash(kind, "Hello world!", "saltstri", Some(5000)).unwrap();
        let long = "$6$saltstri$TuQo8ue714Ctf4Zl7Ctg70/YwYXvMiZP8AgmExw/pTqWoUKmQ9LD2WQO4j78UOYkYf3xOZCXu6asrMlXdzzMM1";
        assert_eq!(hashed("sha512"), long);
        assert_eq!(hashed("sha256"), "$5$saltstri$AcFF27v62S0zwgTU0yv0eKFexEp411.69eNIGyiG0L5");
        assert_eq!(hashed("md5"), "$1$saltstri$YMyguxXMBpd2TEZ.vS/3q1");
        assert!(
            hash("sha512", "x", "", None).is_err() && hash("sha512", "x", "a b", None).is_err()
        );
    }
}
