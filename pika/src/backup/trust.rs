//! Whether a backup is ours. With a key its manifest is signed, and the manifest holds the sum of each part: who may write to the place
//! and has no key can take backups away, and neither change one nor slip one in.

use anyhow::{Context, bail};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::manifest::Manifest;
use super::seal::{self, Key};

/// Lies beside the manifest.
pub const SIGNATURE: &str = "manifest.hmac";

impl Key {
    /// Over the manifest as it lies there, and the name of the backup: an older one under a newer name is another.
    fn over(&self, backup: &str, manifest: &[u8]) -> anyhow::Result<Hmac<Sha256>> {
        let key = self.derived(&[b"pika backup manifest"])?;
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).context("backup_key")?;
        [backup.as_bytes(), b"\n", manifest].into_iter().for_each(|part| mac.update(part));
        Ok(mac)
    }

    pub fn sign(&self, backup: &str, manifest: &[u8]) -> anyhow::Result<Vec<u8>> {
        Ok(self.over(backup, manifest)?.finalize().into_bytes().to_vec())
    }
}

/// A manifest as it was found.
pub struct Found<'a> {
    pub backup: &'a str,
    pub text: &'a [u8],
    pub signature: Option<&'a [u8]>,
    pub manifest: &'a Manifest,
}

/// Refuses what the holder of the key did not write. Whoever says so takes what is not signed: open backups, and those of before there
/// were signatures. A signature that is wrong is refused in any case.
pub fn check(key: &Key, found: &Found<'_>, allow_unsigned: bool) -> anyhow::Result<()> {
    let Found { backup, text, signature, manifest } = found;
    seal::fits(Some(key), backup, manifest)?;
    match signature {
        Some(signature) if key.over(backup, text)?.verify_slice(signature).is_ok() => {}
        Some(_) => bail!(
            "{backup} is not what was written: its manifest does not fit its signature. It was changed, or its folder has another name than it had; \
             take another backup, and find out who writes to this place"
        ),
        None if allow_unsigned => return Ok(()),
        None => bail!(
            "{backup} is not signed: it was taken without this `backup_key`, or before backups were signed, or somebody put it there. If you know that \
             it is yours, --allow-unsigned takes it"
        ),
    }
    match manifest.parts().find(|part| !part.sealed) {
        Some(part) => bail!("{} of {backup} is not encrypted, and `backup_key` is set", part.name),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::backup::manifest::tests::manifest;

    fn key(letter: &str) -> Key {
        Key::of_bytes(letter.repeat(40).into_bytes())
    }

    fn checked(manifest: &Manifest, text: &[u8], signature: Option<&[u8]>, allow_unsigned: bool) -> Result<(), String> {
        let found = Found { backup: "pika-1", text, signature, manifest };
        check(&key("a"), &found, allow_unsigned).map_err(|error| error.to_string())
    }

    #[test]
    fn only_what_the_holder_of_the_key_wrote_is_taken() {
        let ours = manifest(Some(key("a").id().unwrap()), true);
        let signature = key("a").sign("pika-1", b"text").unwrap();
        assert_eq!(checked(&ours, b"text", Some(&signature), false), Ok(()));
        let other_key = key("b").sign("pika-1", b"text").unwrap();
        let other_name = key("a").sign("pika-0", b"text").unwrap();
        for (text, signature) in
            [(&b"texT"[..], &signature[..]), (b"text", &other_key), (b"text", &other_name), (b"text", &signature[..31]), (b"text", b"")]
        {
            for allow_unsigned in [false, true] {
                let said = checked(&ours, text, Some(signature), allow_unsigned).unwrap_err();
                assert!(said.contains("does not fit its signature"), "{said}");
            }
        }
    }

    #[test]
    fn what_is_not_signed_is_taken_by_who_says_so_and_an_open_part_under_a_signature_by_nobody() {
        let (ours, open) = (manifest(Some(key("a").id().unwrap()), true), manifest(None, false));
        for unsigned in [&ours, &open] {
            let said = checked(unsigned, b"text", None, false).unwrap_err();
            assert!(said.contains("is not signed") && said.contains("--allow-unsigned"), "{said}");
            assert_eq!(checked(unsigned, b"text", None, true), Ok(()));
        }
        let others = manifest(Some(key("b").id().unwrap()), true);
        assert!(checked(&others, b"text", None, true).unwrap_err().contains("another key"));
        let signature = key("a").sign("pika-1", b"text").unwrap();
        assert!(checked(&open, b"text", Some(&signature), true).unwrap_err().contains("rows.sqlite.gz of pika-1 is not encrypted"));
    }
}
