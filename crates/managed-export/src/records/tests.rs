use firekeep_testkit::random::Seeded;

use super::*;

fn write(records: &[Vec<u8>]) -> Vec<u8> {
    let mut writer = RecordWriter::new(Vec::new());
    for record in records {
        writer.write(record).unwrap();
    }
    let written = usize::try_from(writer.written()).unwrap();
    let file = writer.finish().unwrap();
    assert_eq!(file.len(), written);
    file
}

fn read(file: &[u8]) -> Result<Vec<Vec<u8>>, RecordError> {
    Records::new(file).collect()
}

fn some(random: &mut Seeded, lengths: &[usize]) -> Vec<Vec<u8>> {
    let noise = |length: &usize| {
        (0..*length)
            .map(|_| random.bits().to_le_bytes()[0])
            .collect()
    };
    lengths.iter().map(noise).collect()
}

#[test]
fn records_come_back_whatever_their_lengths() {
    let mut random = Seeded::new(1);
    let rest = BLOCK_BYTES - HEAD_BYTES;
    for lengths in [
        &[][..],
        &[0],
        &[0, 0, 1],
        &[rest],
        &[rest, 5],
        &[rest + 1],
        // 6 bytes are left, and none; 7 are left, and the first part is an empty one.
        &[rest - 6, 3],
        &[rest - 7, 3],
        &[rest - 8, 3],
        &[100_000, 5, 3 * BLOCK_BYTES],
    ] {
        let records = some(&mut random, lengths);
        assert_eq!(read(&write(&records)).unwrap(), records, "{lengths:?}");
    }
}

#[test]
fn the_last_block_may_be_filled_with_zeros() {
    let records = some(&mut Seeded::new(2), &[10, 20]);
    let mut file = write(&records);
    file.resize(BLOCK_BYTES, 0);
    assert_eq!(read(&file).unwrap(), records);
    file.resize(BLOCK_BYTES + 3, 0);
    assert_eq!(read(&file).unwrap(), records);
    *file.last_mut().unwrap() = 1;
    assert!(matches!(
        read(&file),
        Err(RecordError::CutOff { at: 32768 })
    ));
    file[1_000] = 1;
    assert!(matches!(
        read(&file),
        Err(RecordError::Damaged { at: 44, .. })
    ));
}

#[test]
fn truncations_within_a_record_are_noticed() {
    let records = some(&mut Seeded::new(3), &[50, 40_000, 10]);
    let file = write(&records);
    let ends = [0, 57, 57 + 40_000 + 14];
    for length in (0..200).chain(32_700..32_900).chain(39_900..file.len()) {
        let found = read(&file[..length]);
        match ends.iter().position(|end| *end == length) {
            Some(count) => assert_eq!(found.unwrap(), records[..count]),
            None => assert!(matches!(found, Err(RecordError::CutOff { .. })), "{length}"),
        }
    }
}

#[test]
fn flipped_bits_are_noticed() {
    let file = write(&some(&mut Seeded::new(4), &[50, 33_000]));
    for at in (0..70)
        .chain(32_760..32_780)
        .chain(file.len() - 5..file.len())
    {
        for bit in 0..8 {
            let mut damaged = file.clone();
            damaged[at] ^= 1 << bit;
            assert!(read(&damaged).is_err(), "byte {at}, bit {bit}");
        }
    }
}

#[test]
fn parts_that_do_not_fit_are_damage() {
    let part = |kind: u8, bytes: &[u8]| {
        let crc = masked(crc32c(&[&[kind], bytes])).to_le_bytes();
        let length = u16::try_from(bytes.len()).unwrap().to_le_bytes();
        [&crc[..], &length, &[kind], bytes].concat()
    };
    let check = |parts: &[Vec<u8>], words: &str| {
        let text = read(&parts.concat()).unwrap_err().to_string();
        assert!(text.ends_with(words), "{text}");
    };
    check(&[part(3, b"x")], "a record has no beginning");
    check(&[part(4, b"x")], "a record has no beginning");
    check(
        &[part(2, b"x"), part(1, b"y")],
        "a record begins in another one",
    );
    check(
        &[part(2, b"x"), part(2, b"y")],
        "a record begins in another one",
    );
    check(&[part(5, b"x")], "a record has an unknown type");
    check(&[part(0, b"x")], "a record has an unknown type");
    check(
        &[part(1, b"x"), part(2, b"x"), part(3, b"y")],
        "in the record at byte 8",
    );
}
