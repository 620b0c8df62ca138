//! Tokens as an identity provider makes them, and the keys that it shows.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use rustls::{ServerConnection, StreamOwned};
use serde_json::{Value, json};
use wattle_protocol::{Keypair, PublicKey};
use wattle_sync::tls::{ServerFiles, acceptor};

/// Seconds since 1970, this much from now.
pub(crate) fn from_now(seconds: i64) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later");
    i64::try_from(now.as_secs()).expect("a time") + seconds
}

/// Claims that hold for an hour, for a key.
pub(crate) fn claims(key: &PublicKey) -> Value {
    json!({
        "exp": from_now(3600),
        "aud": "wattle",
        "cnf": { "jwk": { "kty": "OKP", "crv": "Ed25519", "x": base64url(&key.0) } },
        "contexts": "*",
        "founds": true,
    })
}

pub(crate) fn sign(issuer: &Keypair, header: &Value, claims: &Value) -> String {
    let [header, claims] = [header, claims].map(|part| base64url(part.to_string().as_bytes()));
    let message = format!("{header}.{claims}");
    let signature = base64url(&issuer.sign(message.as_bytes()).0);
    format!("{message}.{signature}")
}

/// A set of JWKs: named Ed25519 keys, behind one of another kind.
pub(crate) fn jwks(keys: &[(&str, PublicKey)]) -> String {
    let other = json!({ "kty": "RSA", "kid": "other", "use": "sig", "n": "AQAB", "e": "AQAB" });
    let keys = keys.iter().map(|(kid, key)| {
        json!({ "kty": "OKP", "crv": "Ed25519", "kid": kid, "alg": "EdDSA", "x": base64url(&key.0) })
    });
    json!({ "keys": std::iter::once(other).chain(keys).collect::<Vec<_>>() }).to_string()
}

/// A public key in PEM.
pub(crate) fn pem(key: &PublicKey) -> String {
    let prefix = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];
    let der = [&prefix[..], &key.0].concat();
    // 44 bytes need a padding sign, which base64url leaves out.
    let body = base64url(&der).replace('-', "+").replace('_', "/");
    format!("-----BEGIN PUBLIC KEY-----\n{body}=\n-----END PUBLIC KEY-----\n")
}

fn base64url(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = three.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        let bits = bits << (8 * (3 - three.len()));
        for digit in 0..=three.len() {
            text.push(char::from(DIGITS[(bits >> (18 - 6 * digit)) as usize & 63]));
        }
    }
    text
}

/// A server of keys on this machine.
pub(crate) struct Issuer {
    pub(crate) address: SocketAddr,
    keys: Arc<Mutex<String>>,
    asked: Arc<AtomicUsize>,
}

impl Issuer {
    pub(crate) fn start(keys: String) -> Self {
        Self::serve(keys, answer)
    }

    /// Over TLS.
    pub(crate) fn start_tls(keys: String, files: &ServerFiles) -> Self {
        let acceptor = acceptor(files).expect("certificates");
        Self::serve(keys, move |socket, shown| {
            let config = Arc::clone(acceptor.config());
            let session = ServerConnection::new(config).expect("a session");
            answer(StreamOwned::new(session, socket), shown)
        })
    }

    fn serve(
        keys: String,
        answer: impl Fn(TcpStream, &Mutex<String>) -> bool + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (keys, asked) = (Arc::new(Mutex::new(keys)), Arc::new(AtomicUsize::new(0)));
        let (shown, count) = (Arc::clone(&keys), Arc::clone(&asked));
        std::thread::spawn(move || {
            for socket in listener.incoming().map_while(Result::ok) {
                if answer(socket, &shown) {
                    count.fetch_add(1, Ordering::SeqCst);
                }
            }
        });
        Self { address, keys, asked }
    }

    pub(crate) fn show(&self, keys: String) {
        *self.keys.lock().expect("a lock") = keys;
    }

    /// How often it was asked.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// Reads a request and answers it; false when none came.
fn answer(mut socket: impl Read + Write, shown: &Mutex<String>) -> bool {
    let mut request = Vec::new();
    let mut buffer = [0; 1024];
    while !request.ends_with(b"\r\n\r\n") {
        match socket.read(&mut buffer) {
            Ok(0) | Err(_) => return false,
            Ok(length) => request.extend(&buffer[..length]),
        }
    }
    let found = request.starts_with(b"GET /keys?tenant=1 HTTP/1.1\r\n");
    let status = if found { "200 OK" } else { "404 Not Found" };
    let body = shown.lock().expect("a lock").clone();
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n");
    socket.write_all(format!("{head}{body}").as_bytes()).is_ok()
}

/// An authority, in `authority.pem`, and what a server of this machine shows.
pub(crate) fn certificates(home: &Path) -> ServerFiles {
    let authority_key = KeyPair::generate().expect("a key");
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = authority.self_signed(&authority_key).expect("a certificate");
    fs::write(home.join("authority.pem"), certificate.pem()).expect("a file");
    let key = KeyPair::generate().expect("a key");
    let issuer = rcgen::Issuer::new(authority, authority_key);
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("names");
    let signed = params.signed_by(&key, &issuer).expect("a certificate");
    let files = ServerFiles { certificates: home.join("server.pem"), key: home.join("server.key") };
    fs::write(&files.certificates, signed.pem()).expect("a file");
    fs::write(&files.key, key.serialize_pem()).expect("a file");
    files
}
