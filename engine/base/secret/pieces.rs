//! Finds pieces of secrets: every run of 16 bytes of every form, whatever stands around it.

use super::reading::SecretReading;

/// How long a piece is, in bytes. What is shorter says little, and is in many texts.
pub(super) const PIECE: usize = 16;

/// The pieces that are looked for. Only their hashes are kept, 12 bytes for each byte of a form, and a bitmap that says of
/// nearly all others at once that they are none.
#[derive(Default)]
pub(super) struct SecretPieces {
    hashes: Vec<u64>,
    /// Whose each of them is.
    whose: Vec<u32>,
    bitmap: Vec<u64>,
}

/// Where a secret was found in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Which of the secrets it is.
    pub(super) whose: u32,
}

impl SecretPieces {
    /// All pieces of these forms, each with whose it is.
    pub(super) fn of<'a>(forms: impl Iterator<Item = (u32, &'a [u8])>) -> Self {
        let pieces = |(whose, form): (u32, &'a [u8])| {
            // A line of dashes is no secret, unless it is all of one.
            let all = is_one_byte(form);
            let pieces = form.windows(PIECE).filter(move |piece| all || !is_one_byte(piece));
            pieces.map(move |piece| {
                let piece: [u8; PIECE] = piece.try_into().expect("a window has this length");
                (hash(u128::from_le_bytes(piece)), whose)
            })
        };
        let mut known: Vec<(u64, u32)> = forms.flat_map(pieces).collect();
        known.sort_unstable();
        known.dedup_by_key(|(hash, _)| *hash);
        let mut bitmap = vec![0; (known.len() / 4).next_power_of_two()];
        for (hash, _) in &known {
            let (word, bit) = place(*hash, bitmap.len());
            bitmap[word] |= bit;
        }
        let (hashes, whose) = known.into_iter().unzip();
        Self { hashes, whose, bitmap }
    }

    pub(super) fn len(&self) -> usize {
        self.hashes.len()
    }

    /// Where pieces are in a text, in whichever way it is read. Pieces that overlap are one.
    pub(super) fn find(&self, text: &str, found: &mut Vec<Found>) {
        if self.hashes.is_empty() || text.len() < PIECE {
            return;
        }
        for reading in SecretReading::all_of(text) {
            let before = found.len();
            let (mut window, mut starts, mut count) = (0, [0; PIECE], 0);
            reading.read(text.as_bytes(), |byte, start, end| {
                window = window >> 8 | u128::from(byte) << (u128::BITS - 8);
                starts[count % PIECE] = start;
                count += 1;
                if count < PIECE {
                    return;
                }
                let Some(whose) = self.whose(window) else { return };
                let start = starts[count % PIECE];
                match found[before..].last_mut() {
                    Some(last) if last.whose == whose && start < last.end => last.end = end,
                    _ => found.push(Found { start, end, whose }),
                }
            });
        }
    }

    fn whose(&self, piece: u128) -> Option<u32> {
        let hash = hash(piece);
        let (word, bit) = place(hash, self.bitmap.len());
        if self.bitmap[word] & bit == 0 {
            return None;
        }
        Some(self.whose[self.hashes.binary_search(&hash).ok()?])
    }
}

/// The bit of a hash in a bitmap of so many words, a power of two.
fn place(hash: u64, words: usize) -> (usize, u64) {
    let word = usize::try_from(hash >> 6).unwrap_or(usize::MAX) & (words - 1);
    (word, 1 << (hash & 63))
}

/// Both halves, multiplied and folded: each bit of the piece moves all of the hash.
fn hash(piece: u128) -> u64 {
    const HALVES: [u128; 2] = [0x9e37_79b9_7f4a_7c15, 0xd1b5_4a32_d192_ed03];
    let [low, high] = [piece & u128::from(u64::MAX), piece >> 64];
    let product = (low ^ HALVES[0]) * (high ^ HALVES[1]);
    let folded = product ^ product >> 64;
    #[expect(clippy::cast_possible_truncation, reason = "the upper half is folded into this one")]
    let folded = folded as u64;
    folded.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn is_one_byte(bytes: &[u8]) -> bool {
    bytes.windows(2).all(|pair| pair[0] == pair[1])
}
