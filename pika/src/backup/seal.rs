//! Parts that only the holder of a key can read. Their names and sizes can be seen, and what the manifest says.
//!
//! A sealed part is 32 random bytes, then segments of 64 KiB, each with its tag: STREAM over ChaCha20-Poly1305, so that a part that is cut
//! short, or whose segments change places, does not open. Each part has a key of its own, made from the secret, those random bytes
//! and its name.

use aead_stream::{DecryptorBE32, EncryptorBE32};
use anyhow::{Context, anyhow, bail};
use bytes::Bytes;
use chacha20poly1305::ChaCha20Poly1305;
use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::manifest::Manifest;
use crate::secrets;
use crate::settings::Settings;

const SALT: usize = 32;
const SEGMENT: usize = 64 * 1024;
const TAG: usize = 16;
/// Shorter secrets could be guessed from a backup that was carried off.
const SHORTEST: usize = 32;

type Piece = anyhow::Result<Bytes>;

#[derive(Clone)]
pub struct Key(Vec<u8>);

impl Key {
    /// The key of the settings, if there is one.
    pub fn given(settings: &Settings) -> anyhow::Result<Option<Key>> {
        let key = secrets::given("backup_key", settings.backup_key.as_deref(), settings.backup_key_file.as_deref())?;
        if key.as_ref().is_some_and(|key| key.len() < SHORTEST) {
            bail!("`backup_key` must have at least {SHORTEST} characters; `pika key` makes one");
        }
        Ok(key.map(|key| Key(key.into_bytes())))
    }

    #[cfg(test)]
    pub fn of_bytes(bytes: Vec<u8>) -> Key {
        Key(bytes)
    }

    pub fn derived(&self, parts: &[&[u8]]) -> anyhow::Result<[u8; 32]> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).context("backup_key")?;
        parts.iter().for_each(|part| mac.update(part));
        Ok(mac.finalize().into_bytes().into())
    }

    /// Names the key, and tells nothing about it.
    pub fn id(&self) -> anyhow::Result<String> {
        Ok(self.derived(&[b"pika backup key"])?.iter().take(8).map(|byte| format!("{byte:02x}")).collect())
    }

    fn of(&self, salt: &[u8], name: &str) -> anyhow::Result<[u8; 32]> {
        self.derived(&[b"pika backup part", salt, name.as_bytes()])
    }

    pub fn seal<'a>(&self, name: &str, pieces: impl Stream<Item = Piece> + Send + 'a) -> anyhow::Result<BoxStream<'a, Piece>> {
        let salt: [u8; SALT] = rand::random();
        // No key is used twice, so the nonce only has to count.
        let sealer = EncryptorBE32::<ChaCha20Poly1305>::new(&self.of(&salt, name)?.into(), &[0; 7].into());
        let sealed = stream::unfold((Box::pin(pieces), Vec::new(), Some(sealer)), async |(mut pieces, mut clear, sealer)| {
            let mut sealer = sealer?;
            while clear.len() <= SEGMENT {
                match pieces.next().await {
                    Some(Ok(piece)) => clear.extend_from_slice(&piece),
                    Some(Err(error)) => return Some((Err(error), (pieces, clear, None))),
                    None => {
                        let last = sealer.encrypt_last(&clear[..]).map(Bytes::from).map_err(|_| anyhow!("a part that cannot be encrypted"));
                        return Some((last, (pieces, clear, None)));
                    }
                }
            }
            match sealer.encrypt_next(&clear[..SEGMENT]) {
                Ok(segment) => {
                    clear.drain(..SEGMENT);
                    Some((Ok(segment.into()), (pieces, clear, Some(sealer))))
                }
                Err(_) => Some((Err(anyhow!("a part is too large to be encrypted")), (pieces, clear, None))),
            }
        });
        Ok(stream::iter([Ok(Bytes::copy_from_slice(&salt))]).chain(sealed).boxed())
    }

    pub fn open<'a>(&self, name: &str, pieces: impl Stream<Item = Piece> + Send + 'a) -> BoxStream<'a, Piece> {
        let state = Opening { key: self.clone(), name: name.to_owned(), sealed: Vec::new(), opener: None };
        let opened = stream::unfold((Box::pin(pieces), Some(state)), async |(mut pieces, state)| {
            let mut state = state?;
            let opened = loop {
                match state.next() {
                    Ok(Some(clear)) => return Some((Ok(clear), (pieces, Some(state)))),
                    Ok(None) => {}
                    Err(error) => break Err(error),
                }
                match pieces.next().await {
                    Some(Ok(piece)) => state.sealed.extend_from_slice(&piece),
                    Some(Err(error)) => break Err(error),
                    None => break state.last(),
                }
            };
            Some((opened, (pieces, None)))
        });
        opened.boxed()
    }
}

struct Opening {
    key: Key,
    name: String,
    sealed: Vec<u8>,
    opener: Option<DecryptorBE32<ChaCha20Poly1305>>,
}

impl Opening {
    /// A segment that is not the last, once there is more behind it.
    fn next(&mut self) -> anyhow::Result<Option<Bytes>> {
        if self.opener.is_none() && self.sealed.len() >= SALT {
            let key = self.key.of(&self.sealed[..SALT], &self.name)?;
            self.opener = Some(DecryptorBE32::new(&key.into(), &[0; 7].into()));
            self.sealed.drain(..SALT);
        }
        let Some(opener) = self.opener.as_mut().filter(|_| self.sealed.len() > SEGMENT + TAG) else { return Ok(None) };
        let clear = opener.decrypt_next(&self.sealed[..SEGMENT + TAG]).map_err(|_| damaged(&self.name))?;
        self.sealed.drain(..SEGMENT + TAG);
        Ok(Some(clear.into()))
    }

    fn last(self) -> Piece {
        let opener = self.opener.ok_or_else(|| damaged(&self.name))?;
        opener.decrypt_last(&self.sealed[..]).map(Bytes::from).map_err(|_| damaged(&self.name))
    }
}

fn damaged(name: &str) -> anyhow::Error {
    anyhow!("{name} is damaged: it does not open with the key that the backup was encrypted with")
}

/// Whether the key is the one that a backup needs.
pub fn fits(key: Option<&Key>, backup: &str, manifest: &Manifest) -> anyhow::Result<()> {
    match (&manifest.key, key) {
        (None, _) => Ok(()),
        (Some(_), None) => bail!("{backup} is encrypted: its key is given by `backup_key` or `backup_key_file`"),
        (Some(wanted), Some(key)) if key.id()? != *wanted => bail!("{backup} is encrypted with another key than `backup_key`"),
        (Some(_), Some(_)) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use futures_util::TryStreamExt;

    fn key(letter: &str) -> Key {
        Key(letter.repeat(40).into_bytes())
    }

    fn pieces(bytes: &[u8], of: usize) -> impl Stream<Item = Piece> + Send + use<> {
        let pieces: Vec<Piece> = bytes.chunks(of).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        stream::iter(pieces)
    }

    async fn sealed(clear: &[u8]) -> Vec<u8> {
        let sealed: Vec<Bytes> = key("a").seal("part", pieces(clear, 1_000)).unwrap().try_collect().await.unwrap();
        sealed.concat()
    }

    async fn opened(key: &Key, name: &str, sealed: &[u8]) -> anyhow::Result<Vec<u8>> {
        Ok(key.open(name, pieces(sealed, 70_000)).try_collect::<Vec<_>>().await?.concat())
    }

    #[tokio::test]
    async fn what_was_sealed_opens_at_every_length_around_a_segment() {
        for length in [0, 1, SEGMENT - 1, SEGMENT, SEGMENT + 1, 3 * SEGMENT] {
            let clear = vec![7; length];
            let sealed = sealed(&clear).await;
            assert!(!sealed.windows(32).any(|window| window == [7; 32]));
            assert_eq!(opened(&key("a"), "part", &sealed).await.unwrap(), clear, "{length}");
        }
    }

    #[tokio::test]
    async fn nothing_else_opens() {
        let whole = sealed(&vec![7; 2 * SEGMENT + 10]).await;
        let segment = SEGMENT + TAG;
        let swapped =
            [&whole[..SALT], &whole[SALT + segment..SALT + 2 * segment], &whole[SALT..SALT + segment], &whole[SALT + 2 * segment..]];
        let mut changed = whole.clone();
        changed[SALT + 5] ^= 1;
        for bad in [&swapped.concat(), &changed, &whole[..SALT + 2 * segment], &whole[..SALT + segment], &whole[..10], &[]] {
            let said = opened(&key("a"), "part", bad).await.unwrap_err().to_string();
            assert!(said.contains("part is damaged"), "{said}");
        }
        assert!(opened(&key("b"), "part", &whole).await.is_err(), "another key");
        assert!(opened(&key("a"), "other", &whole).await.is_err(), "another part");
        assert_ne!(key("a").id().unwrap(), key("b").id().unwrap());
    }
}
