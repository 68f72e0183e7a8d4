//! Export files: any bytes are documents and an end, or an error; what was read is written and read the same.
//!
//! Input: a byte that says if what follows is a whole file, or what is in a frame: a fuzzer finds no digest.

#![no_main]

use firekeep_documents::codec;
use firekeep_documents::export::{Declaration, FileError, Header, Reader, Writer};
use firekeep_model::{DatabaseName, Document, DocumentPath, Timestamp};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((kind, rest)) = data.split_first() else {
        return;
    };
    if kind & 1 == 0 {
        let _ = read(rest);
    } else {
        comes_back(rest);
    }
});

fn read(file: &[u8]) -> Result<(Header, Vec<Document>), FileError> {
    let mut reader = Reader::open(file)?;
    let mut documents = Vec::new();
    while let Some(document) = reader.read()? {
        documents.push(document);
    }
    assert_eq!(reader.totals().documents, documents.len() as u64);
    assert!(reader.read().expect("the end stays the end").is_none());
    let header = reader.header().clone();
    assert_eq!(
        write(&header, reader.declarations(), &documents).1,
        documents
    );
    Ok((header, documents))
}

fn write(
    header: &Header,
    declarations: &[Declaration],
    documents: &[Document],
) -> (Vec<u8>, Vec<Document>) {
    let mut writer = Writer::begin(Vec::new(), header, declarations).expect("memory takes it");
    for document in documents {
        writer.document(document).expect("it was read");
    }
    let (file, _) = writer.finish().expect("memory takes it");
    let again = Reader::open(file.as_slice()).expect("what we write can be read");
    assert_eq!(again.declarations(), declarations);
    let again = again.map(|document| document.expect("what we write can be read"));
    (file.clone(), again.collect())
}

/// The bytes as a document's row; then a file of it, and every way to cut it or flip a bit of it.
fn comes_back(row: &[u8]) {
    let Ok(stored) = codec::decode(row) else {
        return;
    };
    let document = Document {
        path: DocumentPath::parse("c/d").expect("a path"),
        fields: stored.fields,
        create_time: Timestamp::from_secs(1),
        update_time: Timestamp::from_secs(2),
    };
    let database = DatabaseName::parse("projects/p/databases/(default)").expect("a name");
    let read_time = Timestamp::from_secs(3);
    let header = Header {
        database,
        read_time,
    };
    let (mut file, again) = write(&header, &[], std::slice::from_ref(&document));
    assert_eq!(again, [document]);
    // One place a run: which one, the bytes choose.
    let at = row
        .iter()
        .fold(0usize, |at, byte| at.wrapping_mul(31) + usize::from(*byte))
        % file.len();
    assert!(read(&file[..at]).is_err());
    file[at] ^= 1 << (row.len() % 8);
    assert!(read(&file).is_err());
}
