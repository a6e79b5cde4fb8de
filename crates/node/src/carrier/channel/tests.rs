use super::testing::{busy, reader};
use super::*;
use proptest::prelude::*;

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

#[test]
fn lengths_have_one_form_and_a_bound() {
    for len in [0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, FRAME_BYTES_MAX] {
        let mut bytes = BytesMut::new();
        write_length(len, &mut bytes);
        assert_eq!(read_length(&bytes), Ok(Some((bytes.len(), len))));
        assert_eq!(read_length(&bytes[..bytes.len() - 1]), Ok(None));
    }
    let mut above = BytesMut::new();
    write_length(FRAME_BYTES_MAX + 1, &mut above);
    assert_eq!(read_length(&above), Err(ChannelError::TooLarge));
    assert_eq!(read_length(&[0xff; 4]), Err(ChannelError::TooLarge));
    assert_eq!(read_length(&[0x80; 4]), Err(ChannelError::TooLarge));
    assert_eq!(read_length(&[0x81, 0x00]), Err(ChannelError::Malformed));
}

#[test]
fn an_oversized_frame_is_refused_at_both_ends() {
    run(async {
        let (mut writer, _body) = FrameWriter::new(busy());
        assert_eq!(writer.send(&vec![0; FRAME_BYTES_MAX + 1]).await, Err(ChannelError::TooLarge));
        assert!(writer.buffer.is_empty());
        let mut announced = BytesMut::new();
        write_length(FRAME_BYTES_MAX + 1, &mut announced);
        assert_eq!(reader(Body::from(announced.freeze())).next().await, Err(ChannelError::TooLarge));
    });
}

#[test]
fn an_announced_length_allocates_nothing() {
    run(async {
        let mut announced = BytesMut::new();
        write_length(FRAME_BYTES_MAX, &mut announced);
        let mut reader = reader(Body::from(announced.freeze()));
        assert_eq!(reader.next().await, Err(ChannelError::Torn));
        assert!(reader.buffer.capacity() < 4 * CHUNK_BYTES);
    });
}

proptest! {
    #[test]
    fn frames_arrive_as_they_were_sent(
        sizes in prop::collection::vec(prop_oneof![0..300usize, 0..3 * CHUNK_BYTES], 0..40),
        flushes in any::<u64>(),
    ) {
        run(async {
            let (mut writer, body) = FrameWriter::new(busy());
            let frame = |index: usize, size: usize| vec![index as u8; size];
            let send = async {
                for (index, size) in sizes.iter().enumerate() {
                    writer.send(&frame(index, *size)).await.unwrap();
                    if flushes >> index & 1 == 1 {
                        writer.flush().await.unwrap();
                    }
                }
                writer.finish().await.unwrap();
            };
            let receive = async {
                let mut reader = reader(body);
                for (index, size) in sizes.iter().enumerate() {
                    assert_eq!(reader.next().await.unwrap().unwrap(), frame(index, *size));
                }
                assert_eq!(reader.next().await, Ok(None));
            };
            tokio::join!(send, receive);
        });
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        run(async {
            let mut reader = reader(Body::from(bytes));
            while let Ok(Some(_)) = reader.next().await {}
        });
    }
}
