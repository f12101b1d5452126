//! Signatures of JSON web tokens by ring, which is in this program for TLS: the library's own two choices would bring a second set
//! of cryptography, and with it an RSA that is known to leak its keys' timing. What is not named here is refused, `none` and
//! every shared secret before all.

use std::sync::Once;

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::signature::{Error as SignatureError, Signer as Signs, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind, EncodingKey};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED, ED25519, EcdsaKeyPair, Ed25519KeyPair,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RsaParameters,
    RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};

/// Makes the library use these. It takes what it is given first, and nobody else in this process gives it anything.
pub fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let _ = PROVIDER.install_default();
    });
}

static PROVIDER: CryptoProvider =
    CryptoProvider { signer_factory: signer, verifier_factory: verifier, key_utils: KeyUtils::new_unimplemented() };

/// We sign our own tokens with Ed25519, and with P-256 where a provider wants us to.
fn signer(algorithm: &Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>, Error> {
    match algorithm {
        Algorithm::EdDSA => match Ed25519KeyPair::from_seed_unchecked(key.as_bytes()) {
            Ok(pair) => Ok(Box::new(Ed(pair))),
            Err(_) => Err(ErrorKind::InvalidEddsaKey.into()),
        },
        Algorithm::ES256 => {
            let random = SystemRandom::new();
            match EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.as_bytes(), &random) {
                Ok(pair) => Ok(Box::new(Ec(pair, random))),
                Err(_) => Err(ErrorKind::InvalidEcdsaKey.into()),
            }
        }
        _ => Err(ErrorKind::InvalidAlgorithm.into()),
    }
}

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>, Error> {
    let rsa = |how: &'static RsaParameters| match key.kind() {
        DecodingKeyKind::RsaModulusExponent { n, e } => Ok(Public::Rsa(how, RsaPublicKeyComponents { n: n.clone(), e: e.clone() })),
        DecodingKeyKind::SecretOrDer(_) => Err(Error::from(ErrorKind::InvalidKeyFormat)),
    };
    let bytes = |how: &'static dyn VerificationAlgorithm| {
        // A shared secret never stands for a public key.
        if key.family() == jsonwebtoken::AlgorithmFamily::Hmac {
            return Err(Error::from(ErrorKind::InvalidKeyFormat));
        }
        Ok(Public::Bytes(UnparsedPublicKey::new(how, key.try_get_as_bytes()?.to_vec())))
    };
    let public = match algorithm {
        Algorithm::EdDSA => bytes(&ED25519)?,
        Algorithm::ES256 => bytes(&ECDSA_P256_SHA256_FIXED)?,
        Algorithm::ES384 => bytes(&ECDSA_P384_SHA384_FIXED)?,
        Algorithm::RS256 => rsa(&RSA_PKCS1_2048_8192_SHA256)?,
        Algorithm::RS384 => rsa(&RSA_PKCS1_2048_8192_SHA384)?,
        Algorithm::RS512 => rsa(&RSA_PKCS1_2048_8192_SHA512)?,
        Algorithm::PS256 => rsa(&RSA_PSS_2048_8192_SHA256)?,
        _ => return Err(ErrorKind::InvalidAlgorithm.into()),
    };
    Ok(Box::new(Theirs(*algorithm, public)))
}

struct Ed(Ed25519KeyPair);

impl Signs<Vec<u8>> for Ed {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, SignatureError> {
        Ok(self.0.sign(message).as_ref().to_vec())
    }
}

impl JwtSigner for Ed {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}

struct Ec(EcdsaKeyPair, SystemRandom);

impl Signs<Vec<u8>> for Ec {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, SignatureError> {
        self.0.sign(&self.1, message).map(|signature| signature.as_ref().to_vec()).map_err(|_| SignatureError::new())
    }
}

impl JwtSigner for Ec {
    fn algorithm(&self) -> Algorithm {
        Algorithm::ES256
    }
}

enum Public {
    Bytes(UnparsedPublicKey<Vec<u8>>),
    Rsa(&'static RsaParameters, RsaPublicKeyComponents<Vec<u8>>),
}

struct Theirs(Algorithm, Public);

impl Verifier<Vec<u8>> for Theirs {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), SignatureError> {
        let good = match &self.1 {
            Public::Bytes(key) => key.verify(message, signature),
            Public::Rsa(how, key) => key.verify(how, message, signature),
        };
        good.map_err(|_| SignatureError::new())
    }
}

impl JwtVerifier for Theirs {
    fn algorithm(&self) -> Algorithm {
        self.0
    }
}
