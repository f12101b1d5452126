//! Encryption for one browser ([RFC 8291](https://www.rfc-editor.org/rfc/rfc8291)) by `ece`, which takes the cryptography that it is
//! given: ring, which is here for TLS.

use std::any::Any;
use std::sync::Once;

use ece::crypto::set_cryptographer;
use ece::{Cryptographer, EcKeyComponents, Error, LocalKeyPair, RemotePublicKey};
use parking_lot::Mutex;
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use ring::hkdf::{HKDF_SHA256, KeyType, Salt};
use ring::rand::{SecureRandom, SystemRandom};

/// Bytes of a browser's public key, which is a point that is written out, and of its secret.
pub(crate) const POINT: usize = 65;
pub(crate) const SECRET: usize = 16;

/// A message that this browser alone can read. Fails when what should be a key is none.
pub(crate) fn seal(p256dh: &[u8], auth: &[u8], message: &[u8]) -> Result<Vec<u8>, Error> {
    static ONCE: Once = Once::new();
    // Nobody else in this process gives it anything.
    ONCE.call_once(|| {
        let _ = set_cryptographer(&Ring);
    });
    ece::encrypt(p256dh, auth, message)
}

struct Ring;

struct Theirs(Vec<u8>);

/// A key that is used once, as ring wants it.
struct Ours {
    private: Mutex<Option<EphemeralPrivateKey>>,
    public: Vec<u8>,
}

impl RemotePublicKey for Theirs {
    fn as_raw(&self) -> Result<Vec<u8>, Error> {
        Ok(self.0.clone())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl LocalKeyPair for Ours {
    fn pub_as_raw(&self) -> Result<Vec<u8>, Error> {
        Ok(self.public.clone())
    }

    /// It never leaves ring.
    fn raw_components(&self) -> Result<EcKeyComponents, Error> {
        Err(Error::CryptoError)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn sealing(key: &[u8], iv: &[u8]) -> Result<(LessSafeKey, Nonce), Error> {
    let key = UnboundKey::new(&AES_128_GCM, key).map_err(|_| Error::CryptoError)?;
    Ok((LessSafeKey::new(key), Nonce::try_assume_unique_for_key(iv).map_err(|_| Error::CryptoError)?))
}

impl Cryptographer for Ring {
    fn generate_ephemeral_keypair(&self) -> Result<Box<dyn LocalKeyPair>, Error> {
        let private = EphemeralPrivateKey::generate(&ECDH_P256, &SystemRandom::new()).map_err(|_| Error::CryptoError)?;
        let public = private.compute_public_key().map_err(|_| Error::CryptoError)?.as_ref().to_vec();
        Ok(Box::new(Ours { private: Mutex::new(Some(private)), public }))
    }

    /// Only whoever reads pushes has a key to import, and we read none.
    fn import_key_pair(&self, _: &EcKeyComponents) -> Result<Box<dyn LocalKeyPair>, Error> {
        Err(Error::CryptoError)
    }

    fn import_public_key(&self, raw: &[u8]) -> Result<Box<dyn RemotePublicKey>, Error> {
        if raw.len() == POINT { Ok(Box::new(Theirs(raw.to_vec()))) } else { Err(Error::InvalidKeyLength) }
    }

    fn compute_ecdh_secret(&self, remote: &dyn RemotePublicKey, local: &dyn LocalKeyPair) -> Result<Vec<u8>, Error> {
        let ours = local.as_any().downcast_ref::<Ours>().and_then(|ours| ours.private.lock().take()).ok_or(Error::CryptoError)?;
        let theirs = UnparsedPublicKey::new(&ECDH_P256, remote.as_raw()?);
        // Refuses what is no point of the curve.
        agree_ephemeral(ours, &theirs, <[u8]>::to_vec).map_err(|_| Error::CryptoError)
    }

    fn hkdf_sha256(&self, salt: &[u8], secret: &[u8], info: &[u8], len: usize) -> Result<Vec<u8>, Error> {
        let mut out = vec![0; len];
        let key = Salt::new(HKDF_SHA256, salt).extract(secret);
        let filled = key.expand(&[info], Length(len)).and_then(|material| material.fill(&mut out));
        filled.map(|()| out).map_err(|_| Error::CryptoError)
    }

    fn aes_gcm_128_encrypt(&self, key: &[u8], iv: &[u8], data: &[u8]) -> Result<Vec<u8>, Error> {
        let (key, nonce) = sealing(key, iv)?;
        let mut sealed = data.to_vec();
        key.seal_in_place_append_tag(nonce, Aad::empty(), &mut sealed).map_err(|_| Error::CryptoError)?;
        Ok(sealed)
    }

    fn aes_gcm_128_decrypt(&self, key: &[u8], iv: &[u8], ciphertext_and_tag: &[u8]) -> Result<Vec<u8>, Error> {
        let (key, nonce) = sealing(key, iv)?;
        let mut sealed = ciphertext_and_tag.to_vec();
        key.open_in_place(nonce, Aad::empty(), &mut sealed).map(|open| open.to_vec()).map_err(|_| Error::CryptoError)
    }

    fn random_bytes(&self, dest: &mut [u8]) -> Result<(), Error> {
        SystemRandom::new().fill(dest).map_err(|_| Error::CryptoError)
    }
}
