//! A secret key as a text that people can write down: base 32 in groups, with a check.

use wattle_protocol::Keypair;

/// Crockford's digits: none looks like another.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// The first bytes of the public key follow the secret: a mistake does not go unnoticed.
const CHECK_BYTES: usize = 4;
const GROUP: usize = 5;

pub(super) fn text(keypair: &Keypair) -> String {
    let mut bytes = keypair.secret().to_vec();
    bytes.extend(keypair.public().0.iter().take(CHECK_BYTES));
    let digits = encode(&bytes);
    let groups: Vec<&str> =
        digits.as_bytes().chunks(GROUP).filter_map(|group| str::from_utf8(group).ok()).collect();
    groups.join("-")
}

/// Forgives case, spaces, hyphens, and the letters that look like digits.
pub(super) fn keypair(text: &str) -> Option<Keypair> {
    let bytes = decode(text)?;
    let secret: [u8; 32] = *bytes.first_chunk()?;
    let keypair = Keypair::from_secret(&secret);
    let check = keypair.public().0;
    let whole = [&secret[..], check.get(..CHECK_BYTES)?].concat();
    (bytes == whole).then_some(keypair)
}

fn encode(bytes: &[u8]) -> String {
    let mut text = String::new();
    let (mut held, mut bits) = (0_u32, 0);
    let mut put = |five: u32| text.extend(DIGITS.get(five as usize & 31).map(|d| char::from(*d)));
    for byte in bytes {
        held = (held << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            put(held >> bits);
        }
        held &= (1 << bits) - 1;
    }
    if bits > 0 {
        put(held << (5 - bits));
    }
    text
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let (mut held, mut bits) = (0_u32, 0);
    for letter in text.chars().filter(|c| !c.is_whitespace() && *c != '-') {
        let digit = match letter.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        };
        let five = DIGITS.iter().position(|known| char::from(*known) == digit)?;
        held = (held << 5) | u32::try_from(five).ok()?;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((held >> bits) & 255).ok()?);
            held &= (1 << bits) - 1;
        }
    }
    (held == 0).then_some(bytes)
}
