//! CRC-32C as RocksDB's record files store it, eight bytes at a time: safe code, fast enough for 128 MiB at start.

/// The reversed Castagnoli polynomial (RFC 3720, section 12.1).
const POLYNOMIAL: u32 = 0x82f6_3b78;
/// What RocksDB adds to a rotated checksum, so that data holding checksums does not check itself.
/// Source: `util/crc32c.h`, `Mask`.
const MASK_DELTA: u32 = 0xa282_ead8;

/// `TABLES[n][b]` is the effect of byte `b` followed by `n` zero bytes.
const TABLES: [[u32; 256]; 8] = tables();

/// The masked checksum of a record's type and payload.
pub(super) fn masked(kind: u8, payload: &[u8]) -> u32 {
    let crc = !extend(extend(!0, &[kind]), payload);
    crc.rotate_right(15).wrapping_add(MASK_DELTA)
}

fn extend(mut state: u32, bytes: &[u8]) -> u32 {
    let (chunks, tail) = bytes.as_chunks::<8>();
    let [t0, t1, t2, t3, t4, t5, t6, t7] = &TABLES;
    for chunk in chunks {
        let [b0, b1, b2, b3, b4, b5, b6, b7] = *chunk;
        let [s0, s1, s2, s3] = state.to_le_bytes();
        state = at(t7, b0 ^ s0)
            ^ at(t6, b1 ^ s1)
            ^ at(t5, b2 ^ s2)
            ^ at(t4, b3 ^ s3)
            ^ at(t3, b4)
            ^ at(t2, b5)
            ^ at(t1, b6)
            ^ at(t0, b7);
    }
    for byte in tail {
        let [low, ..] = state.to_le_bytes();
        state = at(t0, low ^ byte) ^ (state >> 8);
    }
    state
}

#[expect(
    clippy::indexing_slicing,
    reason = "a byte is always within a table of 256"
)]
fn at(table: &[u32; 256], byte: u8) -> u32 {
    table[usize::from(byte)]
}

#[expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "evaluated by the compiler, which checks every index; `byte` is below 256"
)]
const fn tables() -> [[u32; 256]; 8] {
    let mut tables = [[0u32; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = (crc >> 1) ^ (POLYNOMIAL & (crc & 1).wrapping_neg());
            bit += 1;
        }
        tables[0][byte] = crc;
        byte += 1;
    }
    let mut n = 1;
    while n < 8 {
        let mut byte = 0;
        while byte < 256 {
            let previous = tables[n - 1][byte];
            tables[n][byte] = (previous >> 8) ^ tables[0][(previous & 0xff) as usize];
            byte += 1;
        }
        n += 1;
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_rfc_3720_appendix_b4() {
        let ascending: Vec<u8> = (0..32).collect();
        assert_eq!(!extend(!0, &[0; 32]), 0x8a91_36aa);
        assert_eq!(!extend(!0, &[0xff; 32]), 0x62a8_ab43);
        assert_eq!(!extend(!0, &ascending), 0x46dd_794e);
        assert_eq!(!extend(!0, b"123456789"), 0xe306_9283);
    }
}
