use axum::body::to_bytes;
use tonic::Code;

use super::*;

/// A message of this many bytes in its frame.
fn message(length: usize) -> Vec<u8> {
    let mut frame = vec![0];
    frame.extend(u32::try_from(length).unwrap().to_be_bytes());
    frame.resize(5 + length, 7);
    frame
}

/// Reads a body of these chunks to its end; how many bytes came, or what refused them.
async fn read(chunks: Vec<Vec<u8>>) -> Result<usize, Code> {
    let chunks = chunks.into_iter().map(Ok::<_, std::io::Error>);
    let body = Body::from_stream(futures_util::stream::iter(chunks));
    let metered = Metered::new(body, Takes::Many, Place::default());
    match to_bytes(Body::new(metered), usize::MAX).await {
        Ok(bytes) => Ok(bytes.len()),
        Err(error) => Err(Status::from_error(Box::new(error)).code()),
    }
}

#[tokio::test]
async fn messages_go_through_however_they_are_cut() {
    for lengths in [
        vec![],
        vec![0],
        vec![3],
        vec![0, 0, 20_000, 1],
        vec![70_000, 5],
    ] {
        let bytes: Vec<u8> = lengths.iter().flat_map(|length| message(*length)).collect();
        for size in [1, 2, 5, 7, 16_384, 100_000] {
            let chunks = bytes.chunks(size).map(<[u8]>::to_vec).collect();
            assert_eq!(read(chunks).await, Ok(bytes.len()), "{lengths:?} {size}");
        }
    }
}

#[tokio::test]
async fn long_messages_are_refused_at_their_first_bytes() {
    let announced = |length: usize| {
        let length = u32::try_from(length).unwrap().to_be_bytes();
        vec![vec![0], length.to_vec()]
    };
    for (length, read_as) in [
        (REQUEST_BYTES_MAX, Ok(5)),
        (REQUEST_BYTES_MAX + 1, Err(Code::InvalidArgument)),
        (MESSAGE_BYTES_MAX, Err(Code::InvalidArgument)),
        (MESSAGE_BYTES_MAX + 1, Err(Code::ResourceExhausted)),
        (0xffff_ffff, Err(Code::ResourceExhausted)),
    ] {
        assert_eq!(read(announced(length)).await, read_as, "{length}");
    }
}

/// One test, since the memory is one for the process.
#[tokio::test]
async fn large_messages_share_the_memory() {
    let most = MESSAGES_BYTES_MAX / PIECE;
    let small = || vec![message(MESSAGE_BYTES_SMALL)];
    let large = || vec![message(MESSAGE_BYTES_SMALL + 1)];
    let taken = Place::default();
    assert!(taken.grow(most / 2));
    assert!(taken.grow(most - 20));
    assert!(!Place::default().grow(21));
    assert_eq!(read(large()).await, Ok(MESSAGE_BYTES_SMALL + 6));
    assert!(taken.grow(most));
    assert_eq!(read(large()).await, Err(Code::Unavailable));
    assert_eq!(read(small()).await, Ok(MESSAGE_BYTES_SMALL + 5));
    drop(taken);
    assert_eq!(read(large()).await, Ok(MESSAGE_BYTES_SMALL + 6));
    assert_eq!(PIECES.available_permits(), most);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_trickles_is_given_up() {
    let mut frame = message(100);
    let rest = frame.split_off(50);
    for (takes, first, expires) in [
        (Takes::Many, frame.clone(), true),
        (Takes::Many, message(3), false),
        (Takes::Many, Vec::new(), true),
        (Takes::One, frame, true),
        // The message is there, and the body does not end.
        (Takes::One, message(3), true),
        (Takes::One, Vec::new(), true),
    ] {
        let first = futures_util::stream::iter([Ok::<_, std::io::Error>(first)]);
        let late = MESSAGE_TIME_MAX * 2;
        let rest = futures_util::stream::once({
            let rest = rest.clone();
            async move {
                tokio::time::sleep(late).await;
                Ok(rest)
            }
        });
        let body = Body::from_stream(futures_util::StreamExt::chain(first, rest));
        let metered = Metered::new(body, takes, Place::default());
        let read = to_bytes(Body::new(metered), usize::MAX).await;
        let code = read.map_err(|error| Status::from_error(Box::new(error)).code());
        let expired = code == Err(Code::DeadlineExceeded);
        assert_eq!(expired, expires, "{takes:?}");
    }
}

#[tokio::test]
async fn a_second_message_is_refused_where_one_is_all() {
    for (takes, messages, expected) in [
        (Takes::One, 1, Ok(8)),
        (Takes::One, 2, Err(Code::Unimplemented)),
        (Takes::Many, 2, Ok(16)),
    ] {
        let body = Body::from(message(3).repeat(messages));
        let metered = Metered::new(body, takes, Place::default());
        let read = to_bytes(Body::new(metered), usize::MAX).await;
        let read = read.map(|bytes| bytes.len());
        let read = read.map_err(|error| Status::from_error(Box::new(error)).code());
        assert_eq!(read, expected, "{takes:?} {messages}");
    }
}

#[test]
fn streaming_methods_take_many_messages() {
    for (path, takes) in [
        ("/google.firestore.v1.Firestore/Commit", Takes::One),
        ("/google.firestore.v1.Firestore/BatchWrite", Takes::One),
        ("/google.firestore.v1.Firestore/Listen", Takes::Many),
        ("/google.firestore.v1.Firestore/Write", Takes::Many),
        ("/grpc.health.v1.Health/Watch", Takes::One),
        (
            "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
            Takes::Many,
        ),
    ] {
        assert_eq!(Takes::of(path), takes, "{path}");
    }
}
