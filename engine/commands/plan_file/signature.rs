//! Signatures of a plan: made and checked as `ssh-keygen -Y sign` and `-Y verify` do.

use std::collections::BTreeSet;

use jiff::Timestamp;
use ssh_key::{Algorithm, HashAlg, LineEnding, PrivateKey, SshSig, public::KeyData};

use super::{
    NAMESPACE,
    allowed_signers::{self, Signer},
};
use crate::base::diagnostic::{Diagnostic, Result, Source};

/// Who signed a plan: each by all that he is called.
pub type Signers = Vec<BTreeSet<String>>;

/// Checks the signatures of a plan: at least `needed` of those that `allowed` names, each a different one, must have signed
/// exactly these bytes.
///
/// # Errors
/// When there are fewer; with what is wrong with each of the signatures that do not count.
pub fn verify(
    plan: &[u8],
    signatures: &[Source],
    allowed: &Source,
    needed: usize,
    now: Timestamp,
) -> Result<Signers> {
    let allowed = allowed_signers::read(allowed)?;
    let mut signers = Signers::new();
    let mut wrong = Vec::new();
    for signature in signatures {
        match one(plan, &signature.text, &allowed, now) {
            Ok(signer) => count(&mut signers, signer),
            Err(why) => wrong.push(format!("{}: {why}", signature.name)),
        }
    }
    if signers.len() >= needed {
        return Ok(signers);
    }
    let by = match signers.len() {
        0 => "nobody".to_owned(),
        _ => signers.iter().flat_map(|it| it.iter().next().cloned()).collect::<Vec<_>>().join(", "),
    };
    let message = format!("the plan must be signed by {needed}, and is signed by {by}");
    let error = Diagnostic::new("plan::signatures", message);
    let error = wrong.into_iter().fold(error, |it, why| it.related(Diagnostic::new("", why)));
    Err(error.hint(format!(
        "`converge sign PLAN --key KEY`, or `ssh-keygen -Y sign -n {NAMESPACE} -f KEY PLAN`; signatures are the files \
         PLAN.sig and PLAN.*.sig"
    )))
}

/// Adds a signer, who is the same as any that is called alike.
fn count(signers: &mut Signers, mut signer: BTreeSet<String>) {
    let (same, others): (Vec<_>, Vec<_>) =
        std::mem::take(signers).into_iter().partition(|it| !it.is_disjoint(&signer));
    signer.extend(same.into_iter().flatten());
    *signers = others;
    signers.push(signer);
}

/// Whose signature it is.
fn one(
    plan: &[u8],
    signature: &str,
    allowed: &[Signer],
    now: Timestamp,
) -> Result<BTreeSet<String>, String> {
    let signature = SshSig::from_pem(signature.trim_start())
        .map_err(|error| format!("not an SSH signature: {error}"))?;
    if signature.version() != SshSig::VERSION {
        return Err(format!("unknown signature version {}", signature.version()));
    }
    match (signature.public_key(), signature.algorithm()) {
        (KeyData::Certificate(_), _) => {
            return Err("made with a certificate: sign with the key".into());
        }
        (KeyData::Dsa(_), _) | (_, Algorithm::Dsa) => {
            return Err("made with DSA, which is too weak".into());
        }
        (_, Algorithm::Rsa { hash: None }) => {
            return Err("made with SHA-1, which is too weak".into());
        }
        _ => {}
    }
    if signature.namespace() != NAMESPACE {
        let other = signature.namespace().escape_debug();
        return Err(format!("made for the namespace `{other}`, not for `{NAMESPACE}`"));
    }
    let known: Vec<&Signer> =
        allowed.iter().filter(|it| it.key.key_data() == signature.public_key()).collect();
    let Some(first) = known.first() else {
        let print = signature.public_key().fingerprint(HashAlg::Sha256);
        return Err(format!("no allowed signer has the key {print}"));
    };
    first
        .key
        .verify(NAMESPACE, plan, &signature)
        .map_err(|_| "does not match this plan".to_owned())?;
    let may = |signer: &&&Signer| {
        let [after, before] = signer.valid;
        signer.is_for_plans
            && after.is_none_or(|after| now >= after)
            && before.is_none_or(|before| now < before)
    };
    let names: BTreeSet<String> =
        known.iter().filter(may).flat_map(|it| it.principals.iter().cloned()).collect();
    match names.is_empty() {
        false => Ok(names),
        true => Err(format!(
            "the key of {} may not sign plans, or not at this time (namespaces, valid-after, valid-before)",
            first.principals.join(", ")
        )),
    }
}

/// Signs a plan with the text of a private key, as `ssh-keygen -Y sign` does.
///
/// # Errors
/// Why this key cannot sign.
pub fn sign(plan: &[u8], key: &str) -> Result<String, String> {
    let key = PrivateKey::from_openssh(key.trim_start()).map_err(|error| error.to_string())?;
    if key.is_encrypted() {
        return Err("it is encrypted".to_owned());
    }
    let signature =
        key.sign(NAMESPACE, HashAlg::Sha512, plan).map_err(|error| error.to_string())?;
    signature.to_pem(LineEnding::LF).map_err(|error| error.to_string())
}
