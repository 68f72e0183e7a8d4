use super::*;

/// A file of whole records with these payloads, as RocksDB's writer lays them out.
fn file_of(payloads: &[Vec<u8>]) -> Vec<u8> {
    let mut file = Vec::new();
    for payload in payloads {
        let mut rest = payload.as_slice();
        let mut first = true;
        loop {
            let left = BLOCK_BYTES - file.len() % BLOCK_BYTES;
            if left < HEADER_BYTES {
                file.resize(file.len() + left, 0);
                continue;
            }
            let (piece, more) = rest.split_at(rest.len().min(left - HEADER_BYTES));
            let kind = match (first, more.is_empty()) {
                (true, true) => 1,
                (true, false) => 2,
                (false, false) => 3,
                (false, true) => 4,
            };
            file.extend(crc32c::masked(kind, piece).to_le_bytes());
            file.extend(u16::try_from(piece.len()).unwrap().to_le_bytes());
            file.push(kind);
            file.extend(piece);
            (rest, first) = (more, false);
            if rest.is_empty() {
                break;
            }
        }
    }
    file
}

fn damage(file: &[u8]) -> Option<u64> {
    damage_in(&mut &*file).unwrap()
}

#[test]
fn whole_files_are_sound() {
    assert_eq!(damage(&[]), None);
    assert_eq!(damage(&file_of(&[b"one".to_vec(), b"two".to_vec()])), None);
    assert_eq!(damage(&file_of(&[vec![7; 100_000], vec![8; 40_000]])), None);
    // The first record leaves fewer bytes than a header in its block.
    let filler = file_of(&[vec![7; BLOCK_BYTES - HEADER_BYTES - 3], vec![8; 10]]);
    assert_eq!(damage(&filler), None);
}

#[test]
fn a_tail_cut_anywhere_is_an_interrupted_write() {
    for (payloads, step) in [
        ([vec![7; 40], vec![8; 90]], 1),
        ([vec![7; 32_700], vec![8; 33_000]], 101),
    ] {
        let kept = file_of(&payloads[..1]).len();
        let file = file_of(&payloads);
        for end in (kept..file.len()).step_by(step) {
            assert_eq!(damage(&file[..end]), None, "cut at {end}");
        }
    }
}

#[test]
fn a_tail_that_never_reached_the_disk_is_an_interrupted_write() {
    let kept = file_of(&[vec![7; 400]]).len();
    let mut file = file_of(&[vec![7; 400], vec![8; 3_000]]);
    for byte in &mut file[kept..512] {
        *byte = 0;
    }
    assert_eq!(damage(&file), None, "the sector that both records share");
    for byte in &mut file[kept..] {
        *byte = 0;
    }
    assert_eq!(damage(&file), None, "all of it");
}

#[test]
fn every_flipped_bit_is_damage() {
    let payloads = [vec![7; 60], vec![8; 50], vec![9; 40]];
    let file = file_of(&payloads);
    for bit in 0..file.len() * 8 {
        let mut flipped = file.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(damage(&flipped).is_some(), "bit {bit}");
    }
}

#[test]
fn a_flipped_bit_in_an_earlier_block_is_damage() {
    let mut file = file_of(&[vec![7; 100_000], vec![8; 40_000], vec![9; 5]]);
    file[50_000] ^= 4;
    assert_eq!(damage(&file), Some(bytes_u64(BLOCK_BYTES)));
}
