//! Encryption with a passphrase, in the file format of age (<https://c2sp.org/age>, version 1, `scrypt` recipient), so
//! that `age --decrypt` opens what is written here.
//!
//! The `age` crate itself brings sixty others, most of them for translating its messages. What is needed of the format
//! is this page; its cryptography is that of `aws-lc-rs` and `scrypt`.

use aws_lc_rs::{
    aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey},
    hkdf::{HKDF_SHA256, KeyType, Salt},
    hmac, rand,
};
use base64::{Engine as _, prelude::BASE64_STANDARD_NO_PAD};
use zeroize::Zeroizing;

const VERSION: &str = "age-encryption.org/v1\n";
const LABEL: &[u8] = b"age-encryption.org/v1/scrypt";
const CHUNK: usize = 64 * 1024;
const TAG: usize = 16;
/// A line of the header is never longer: the body of the one stanza is 43 letters, the salt 22.
const HEADER: usize = 200;

/// Why nothing came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Failure {
    /// The passphrase is another one.
    #[error("the passphrase is wrong")]
    Wrong,
    /// The file was changed, cut, or never was one.
    #[error("the file is damaged")]
    Damaged,
    /// It was made to take very long.
    #[error("trying the passphrase would take too long")]
    TooMuchWork,
    /// There is no randomness, or no memory.
    #[error("the system can't encrypt")]
    System,
}

type Key = Zeroizing<[u8; 32]>;

/// `work`: the cost of trying a passphrase, as a power of two.
pub(crate) fn encrypt(passphrase: &[u8], plain: &[u8], work: u8) -> Result<Vec<u8>, Failure> {
    let mut file_key = Zeroizing::new([0; 16]);
    let (mut salt, mut nonce) = ([0; 16], [0; 16]);
    for bytes in [&mut *file_key, &mut salt, &mut nonce] {
        rand::fill(bytes).map_err(|_| Failure::System)?;
    }
    let mut body = Zeroizing::new(file_key.to_vec());
    seal(&wrapping_key(passphrase, &salt, work)?, [0; 12], &mut body)?;
    let base64 = |bytes: &[u8]| BASE64_STANDARD_NO_PAD.encode(bytes);
    let header = format!("{VERSION}-> scrypt {} {work}\n{}\n---", base64(&salt), base64(&body));
    let mac = hmac::sign(&mac_key(&file_key[..])?, header.as_bytes());
    let mut file = format!("{header} {}\n", base64(mac.as_ref())).into_bytes();
    file.extend(nonce);

    let key = derive(&file_key[..], &nonce, b"payload")?;
    let count = plain.len().div_ceil(CHUNK).max(1);
    for n in 0..count {
        let piece = &plain[n * CHUNK..plain.len().min((n + 1) * CHUNK)];
        let mut piece = Zeroizing::new(piece.to_vec());
        seal(&key, stream_nonce(n, n + 1 == count), &mut piece)?;
        file.extend_from_slice(&piece);
    }
    Ok(file)
}

/// `most_work`: what is not tried because it would take too long.
pub(crate) fn decrypt(
    passphrase: &[u8],
    file: &[u8],
    most_work: u8,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let damaged = || Failure::Damaged;
    let head = &file[..file.len().min(HEADER)];
    let marker = b"\n--- ";
    let at = head.windows(marker.len()).position(|window| window == marker).ok_or_else(damaged)?;
    // up to and with the three dashes
    let (header, rest) = file.split_at(at + 4);
    let end = rest.iter().position(|byte| *byte == b'\n').ok_or_else(damaged)?;
    let (mac, payload) = (&rest[1..end], &rest[end + 1..]);

    let text = std::str::from_utf8(header).map_err(|_| damaged())?;
    let mut lines = text.strip_prefix(VERSION).ok_or_else(damaged)?.lines();
    let mut stanza = lines
        .next()
        .and_then(|line| line.strip_prefix("-> scrypt "))
        .ok_or_else(damaged)?
        .split(' ');
    let (Some(salt), Some(work), None) = (stanza.next(), stanza.next(), stanza.next()) else {
        return Err(Failure::Damaged);
    };
    let body = lines.next().ok_or_else(damaged)?;
    if lines.next() != Some("---") || lines.next().is_some() {
        return Err(Failure::Damaged);
    }
    let decode = |text: &[u8]| BASE64_STANDARD_NO_PAD.decode(text).map_err(|_| damaged());
    let salt: [u8; 16] = decode(salt.as_bytes())?.try_into().map_err(|_| damaged())?;
    let mut body = Zeroizing::new(decode(body.as_bytes())?);
    if body.len() != 16 + TAG || work.starts_with(['0', '+']) {
        return Err(Failure::Damaged);
    }
    let work: u8 = work.parse().map_err(|_| damaged())?;
    if work > most_work {
        return Err(Failure::TooMuchWork);
    }
    let key = wrapping_key(passphrase, &salt, work)?;
    let file_key =
        Zeroizing::new(open(&key, [0; 12], &mut body).map_err(|_| Failure::Wrong)?.to_vec());
    hmac::verify(&mac_key(&file_key)?, header, &decode(mac)?).map_err(|_| damaged())?;

    let (nonce, mut payload) = payload.split_at_checked(16).ok_or_else(damaged)?;
    let key = derive(&file_key, nonce, b"payload")?;
    let mut plain = Zeroizing::new(Vec::with_capacity(payload.len()));
    for n in 0.. {
        let (piece, after) = payload.split_at(payload.len().min(CHUNK + TAG));
        let is_last = after.is_empty();
        let mut piece = Zeroizing::new(piece.to_vec());
        let opened = open(&key, stream_nonce(n, is_last), &mut piece)?;
        if opened.is_empty() && n > 0 {
            return Err(Failure::Damaged);
        }
        plain.extend_from_slice(opened);
        if is_last {
            break;
        }
        payload = after;
    }
    Ok(plain)
}

fn wrapping_key(passphrase: &[u8], salt: &[u8; 16], work: u8) -> Result<Key, Failure> {
    let params = scrypt::Params::new(work, 8, 1).map_err(|_| Failure::Damaged)?;
    let mut key = Key::default();
    scrypt::scrypt(passphrase, &[LABEL, salt].concat(), &params, &mut *key)
        .map_err(|_| Failure::System)?;
    Ok(key)
}

fn mac_key(file_key: &[u8]) -> Result<hmac::Key, Failure> {
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &*derive(file_key, b"", b"header")?))
}

struct KeyLength;

impl KeyType for KeyLength {
    fn len(&self) -> usize {
        32
    }
}

fn derive(secret: &[u8], salt: &[u8], info: &[u8]) -> Result<Key, Failure> {
    let mut key = Key::default();
    Salt::new(HKDF_SHA256, salt)
        .extract(secret)
        .expand(&[info], KeyLength)
        .and_then(|derived| derived.fill(&mut *key))
        .map_err(|_| Failure::System)?;
    Ok(key)
}

/// A counter, and whether the chunk is the last.
fn stream_nonce(n: usize, is_last: bool) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[3..11].copy_from_slice(&(n as u64).to_be_bytes());
    nonce[11] = u8::from(is_last);
    nonce
}

fn cipher(key: &Key) -> Result<LessSafeKey, Failure> {
    let key = UnboundKey::new(&CHACHA20_POLY1305, &**key).map_err(|_| Failure::System)?;
    Ok(LessSafeKey::new(key))
}

fn seal(key: &Key, nonce: [u8; 12], bytes: &mut Vec<u8>) -> Result<(), Failure> {
    cipher(key)?
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), bytes)
        .map_err(|_| Failure::System)
}

fn open<'a>(key: &Key, nonce: [u8; 12], bytes: &'a mut [u8]) -> Result<&'a [u8], Failure> {
    cipher(key)?
        .open_in_place(Nonce::assume_unique_for_key(nonce), Aad::empty(), bytes)
        .map(|opened| &*opened)
        .map_err(|_| Failure::Damaged)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encrypted_comes_back_in_every_length() {
        for len in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 7] {
            let plain: Vec<u8> = (0..len).map(|n| (n % 251) as u8).collect();
            let file = encrypt(b"right", &plain, 2).unwrap();
            assert_eq!(*decrypt(b"right", &file, 2).unwrap(), plain, "{len}");
            assert_eq!(decrypt(b"wrong", &file, 2), Err(Failure::Wrong));
            assert_eq!(decrypt(b"right", &file, 1), Err(Failure::TooMuchWork));
            // cut anywhere, also between chunks, it is damaged
            let header = file.len() - 16 - len - TAG * len.div_ceil(CHUNK).max(1);
            for cut in
                [0, header / 2, header, header + 16, header + 16 + CHUNK + TAG, file.len() - 1]
            {
                if cut < file.len() {
                    assert_eq!(
                        decrypt(b"right", &file[..cut], 2),
                        Err(Failure::Damaged),
                        "{len}, {cut}"
                    );
                }
            }
        }
    }

    #[test]
    fn every_bit_counts() {
        let file = encrypt(b"right", b"secret", 2).unwrap();
        for at in 0..file.len() {
            let mut bad = file.clone();
            bad[at] ^= 1;
            assert!(decrypt(b"right", &bad, 10).is_err(), "byte {at}");
        }
        let mut more = file.clone();
        more.push(0);
        assert_eq!(decrypt(b"right", &more, 10), Err(Failure::Damaged));
        assert_ne!(encrypt(b"right", b"secret", 2).unwrap(), file, "never the same twice");
    }

    /// `age --passphrase`, version 1.1.1 of Debian.
    #[test]
    fn what_age_has_encrypted_is_read() {
        let file = "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IHNjcnlwdCA0TmNwMVFDdmhxN25rWHhKR3BtV2ZBIDE4CkFHVUlXK2ZpNk\
             tzd001bXJNVmNtVVlmR0p0UEJ5VHE2NFR2UG01QkJUV00KLS0tIGNXOWNPc0hlanFqajlpUzE1VkMzbG12S2RLQzlv\
             bGtGa3FSQVhrVHphNzQKFvec4bh8mGG/ts4EW+d+RCF+jlxk4rN3xXqTzXPIPjN3LcB8OlqKRHTta25w8HK4jtdB3E\
             Vfa4uK/kgpZEwr3/xl";
        let file = base64::prelude::BASE64_STANDARD.decode(file).unwrap();
        let plain = decrypt(b"correct horse", &file, 18).unwrap();
        assert_eq!(*plain, br#"{"version":1,"secrets":{"a":"s3"}}"#);
        assert_eq!(decrypt(b"correct horse", &file, 17), Err(Failure::TooMuchWork));
    }
}
