//! Digests, hashes of passwords, and base64.

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};
use md5::Md5;
use minijinja::{Error, State, value::Value};
use sha1::Sha1;
use sha2::{Digest as _, Sha224, Sha256, Sha384, Sha512};

use super::{
    super::{arguments::Arguments, crypt, python::text, word::Word, wrong},
    value::no_such,
};

pub(super) const FILTERS: &[Word] = &[
    Word::new(
        &["hash"],
        "its digest: sha1, md5, sha224, sha256, sha384, sha512",
        |_, value, mut args| {
            let kind = args.text_or("hashtype", "sha1")?;
            args.end()?;
            digest(&kind, value)
        },
    ),
    Word::new(&["sha1", "checksum"], "its SHA-1 digest", |_, value, args| {
        args.end()?;
        digest("sha1", value)
    }),
    Word::new(&["sha256"], "its SHA-256 digest", |_, value, args| {
        args.end()?;
        digest("sha256", value)
    }),
    Word::new(&["md5"], "its MD5 digest", |_, value, args| {
        args.end()?;
        digest("md5", value)
    }),
    Word::new(
        &["password_hash"],
        "a password as `/etc/shadow` holds it: sha512, sha256, md5; with `salt`, without it, each run would give another result",
        password_hash,
    ),
    Word::new(&["b64encode"], "in base64", |_, value, mut args| {
        let encoding = args.text_or("encoding", "utf-8")?;
        args.end()?;
        Ok(Value::from(STANDARD.encode(encoded(&text(value), &encoding)?)))
    }),
    Word::new(&["b64decode"], "the decoded text of base64", |_, value, mut args| {
        let encoding = args.text_or("encoding", "utf-8")?;
        args.end()?;
        let lenient = GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::RequireCanonical);
        let text: String = text(value).chars().filter(|c| !c.is_whitespace()).collect();
        let bytes =
            GeneralPurpose::new(&alphabet::STANDARD, lenient).decode(text).map_err(wrong)?;
        decoded(bytes, &encoding).map(Value::from)
    }),
    Word::new(&["to_uuid"], "a UUID that is always the same for it", to_uuid),
];

fn hex(bytes: impl AsRef<[u8]>) -> Value {
    Value::from(base16ct::lower::encode_string(bytes.as_ref()))
}

fn digest(kind: &str, value: &Value) -> Result<Value, Error> {
    let text = text(value);
    let bytes = text.as_bytes();
    Ok(match kind {
        "md5" => hex(Md5::digest(bytes)),
        "sha1" => hex(Sha1::digest(bytes)),
        "sha224" => hex(Sha224::digest(bytes)),
        "sha256" => hex(Sha256::digest(bytes)),
        "sha384" => hex(Sha384::digest(bytes)),
        "sha512" => hex(Sha512::digest(bytes)),
        _ => {
            return Err(no_such(
                "digest",
                kind,
                &["md5", "sha1", "sha224", "sha256", "sha384", "sha512"],
            ));
        }
    })
}

fn password_hash(
    _: &mut State<'_, '_>,
    value: &Value,
    mut args: Arguments,
) -> Result<Value, Error> {
    let kind = args.text_or("hashtype", "sha512")?;
    let salt = args.maybe_text("salt");
    let _ = args.optional("salt_size");
    let rounds = args.optional("rounds").filter(|it| !it.is_none());
    let _ = args.optional("ident");
    args.end()?;
    let Some(salt) = salt else {
        return Err(wrong(
            "`password_hash` without a salt gives another result in each run: write `password_hash('sha512', salt)`",
        ));
    };
    let rounds =
        rounds.map(|it| it.as_usize().ok_or_else(|| wrong("`rounds` is a number"))).transpose()?;
    crypt::hash(&kind, &text(value), &salt, rounds).map(Value::from).map_err(wrong)
}

/// The encodings of texts that are not UTF-8.
const ENCODINGS: [&str; 6] = ["utf-8", "ascii", "latin-1", "utf-16-le", "utf-16-be", "iso-8859-1"];

fn encoded(text: &str, encoding: &str) -> Result<Vec<u8>, Error> {
    let narrow = |max: u32| {
        let byte = |c: char| u8::try_from(u32::from(c)).ok().filter(|byte| u32::from(*byte) <= max);
        text.chars()
            .map(byte)
            .collect::<Option<_>>()
            .ok_or_else(|| wrong(format!("the text has characters that are not in {encoding}")))
    };
    match encoding.to_lowercase().replace('_', "-").as_str() {
        "utf-8" | "utf8" => Ok(text.as_bytes().to_vec()),
        "ascii" | "us-ascii" => narrow(0x7f),
        "latin-1" | "latin1" | "iso-8859-1" => narrow(0xff),
        "utf-16-le" => Ok(text.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        "utf-16-be" => Ok(text.encode_utf16().flat_map(u16::to_be_bytes).collect()),
        _ => Err(no_such("encoding", encoding, &ENCODINGS)),
    }
}

fn decoded(bytes: Vec<u8>, encoding: &str) -> Result<String, Error> {
    let wide = |make: fn([u8; 2]) -> u16| {
        let pairs = bytes.chunks_exact(2).map(|pair| make([pair[0], pair[1]]));
        String::from_utf16(&pairs.collect::<Vec<_>>()).map_err(wrong)
    };
    match encoding.to_lowercase().replace('_', "-").as_str() {
        "utf-8" | "utf8" | "ascii" | "us-ascii" => {
            String::from_utf8(bytes).map_err(|_| wrong("the decoded bytes are not UTF-8 text"))
        }
        "latin-1" | "latin1" | "iso-8859-1" => Ok(bytes.into_iter().map(char::from).collect()),
        "utf-16-le" => wide(u16::from_le_bytes),
        "utf-16-be" => wide(u16::from_be_bytes),
        _ => Err(no_such("encoding", encoding, &ENCODINGS)),
    }
}

/// Ansible's own namespace.
const NAMESPACE: &str = "361e6d51-faec-444a-9079-341386da8e2e";

fn to_uuid(_: &mut State<'_, '_>, value: &Value, mut args: Arguments) -> Result<Value, Error> {
    let namespace = args.text_or("namespace", NAMESPACE)?;
    args.end()?;
    let digits = namespace.replace('-', "").to_lowercase();
    let namespace = base16ct::lower::decode_vec(&digits).ok().filter(|bytes| bytes.len() == 16);
    let namespace = namespace.ok_or_else(|| wrong("`namespace` is not a UUID"))?;
    let digest =
        Sha1::new().chain_update(namespace).chain_update(text(value).as_bytes()).finalize();
    let mut bytes = digest[..16].to_vec();
    bytes[6] = bytes[6] & 0x0f | 0x50;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let digits = base16ct::lower::encode_string(&bytes);
    let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
    Ok(Value::from(parts.join("-")))
}
