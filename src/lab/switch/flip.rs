//! Damage in transit that nobody on the way notices: one bit of two neighbouring words of TCP data flips in opposite
//! directions, which leaves the checksum (RFC 1071) as it was.

use bytes::Bytes;

const ETHERNET_HEADER_BYTES: usize = 14;
/// IEEE 802.3: the type of IPv4.
const IPV4: [u8; 2] = [8, 0];
/// RFC 9293.
const TCP: u8 = 6;
/// Of a frame that belongs to a stream of data, and not to a question, an answer to a node or a handshake's beginning.
const DATA_BYTES_MIN: usize = 1024;

/// The frame with two bits of its data flipped, as near to its end as can be; nothing if it is none with TCP data, or
/// all of its words are the same.
pub(super) fn flipped(frame: &Bytes) -> Option<Bytes> {
    let (start, end) = data(frame)?;
    // The header before it has whole words, so that words of the checksum begin at even places of the data.
    let words = start..end - (end - start) % 2;
    let pairs = words.clone().step_by(2).rev().skip(1);
    let word = |at: usize| u16::from_be_bytes([frame[at], frame[at + 1]]);
    let at = pairs.into_iter().find(|at| word(*at) != word(at + 2))?;
    let (first, second) = (word(at), word(at + 2));
    // A bit that one has and the other has not: what one loses the other gains.
    let bit = 1 << (first ^ second).trailing_zeros();
    let mut damaged = frame.to_vec();
    damaged[at..at + 2].copy_from_slice(&(first ^ bit).to_be_bytes());
    damaged[at + 2..at + 4].copy_from_slice(&(second ^ bit).to_be_bytes());
    Some(damaged.into())
}

/// Where the frame's TCP data begins and ends.
fn data(frame: &[u8]) -> Option<(usize, usize)> {
    let packet = frame.get(ETHERNET_HEADER_BYTES..)?;
    if frame[12..14] != IPV4 || *packet.get(9)? != TCP {
        return None;
    }
    let header_bytes = usize::from(packet[0] & 0x0f) * 4;
    let total = usize::from(u16::from_be_bytes([packet[2], packet[3]]));
    let segment = packet.get(header_bytes..total)?;
    let offset = usize::from(*segment.get(12)? >> 4) * 4;
    let bytes = segment.len().checked_sub(offset)?;
    let start = ETHERNET_HEADER_BYTES + header_bytes + offset;
    (bytes >= DATA_BYTES_MIN).then_some((start, start + bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame(data: &[u8]) -> Bytes {
        let mut frame = vec![0; ETHERNET_HEADER_BYTES + 40];
        frame[12..14].copy_from_slice(&IPV4);
        frame[14] = 0x45;
        frame[16..18].copy_from_slice(&u16::try_from(40 + data.len()).unwrap().to_be_bytes());
        frame[23] = TCP;
        frame[46] = 5 << 4;
        frame.extend_from_slice(data);
        frame.into()
    }

    /// RFC 1071, over the data alone.
    fn sum(frame: &[u8]) -> u16 {
        let word = |pair: &[u8]| u64::from(u16::from_be_bytes([pair[0], *pair.get(1).unwrap_or(&0)]));
        let mut sum: u64 = frame[ETHERNET_HEADER_BYTES + 40..].chunks(2).map(word).sum();
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        u16::try_from(sum).unwrap()
    }

    proptest! {
        #[test]
        fn two_bits_differ_and_the_checksum_does_not(
            data in proptest::collection::vec(any::<u8>(), DATA_BYTES_MIN..1460),
        ) {
            let before = frame(&data);
            let after = flipped(&before).unwrap();
            let differing: u32 = before.iter().zip(&after).map(|(one, other)| (one ^ other).count_ones()).sum();
            prop_assert_eq!((before.len(), differing), (after.len(), 2));
            prop_assert_eq!(sum(&before), sum(&after));
        }
    }

    #[test]
    fn what_is_no_tcp_data_is_left_alone() {
        let good = frame(&[1, 2, 3, 4].repeat(300));
        assert!(flipped(&good).is_some());
        assert_eq!(flipped(&frame(&[7; 1200])), None, "there is nothing to exchange");
        assert_eq!(flipped(&frame(&[1, 2, 3, 4].repeat(10))), None, "a question or an answer's head");
        for (at, value) in [(13, 6), (23, 17)] {
            let mut other = good.to_vec();
            other[at] = value;
            assert_eq!(flipped(&other.into()), None, "byte {at}");
        }
        for length in 0..good.len() {
            assert_eq!(flipped(&good.slice(..length)), None, "cut to {length} bytes");
        }
    }
}
