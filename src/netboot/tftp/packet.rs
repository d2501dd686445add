//! TFTP packets as bytes (RFC 1350, section 5; options: RFC 2347).
//!
//! The reader takes nothing that the RFCs do not describe, and borrows what it can. Entry points:
//! [`Packet::parse`], [`Packet::to_bytes`].

/// A request fits into one packet of the first TFTP (RFC 2347, "Packet Formats").
pub const REQUEST_BYTES_MAX: usize = 512;
/// Operation and block number before the data (RFC 1350, section 5).
pub const DATA_HEADER_BYTES: usize = 4;

const READ: u16 = 1;
const WRITE: u16 = 2;
const DATA: u16 = 3;
const ACKNOWLEDGEMENT: u16 = 4;
const ERROR: u16 = 5;
const OPTION_ACKNOWLEDGEMENT: u16 = 6;

/// A packet of either direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    Read(Request),
    Write(Request),
    Data { block: u16, body: &'a [u8] },
    Acknowledgement(u16),
    Error(ErrorPacket),
    OptionAcknowledgement(Vec<TransferOption>),
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub file: String,
    /// As written, such as `octet`; its case means nothing.
    pub mode: String,
    pub options: Vec<TransferOption>,
}

/// A name and a value; the case of the name means nothing (RFC 2347).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferOption {
    pub name: String,
    pub value: String,
}

/// The end of a transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorPacket {
    pub code: u16,
    pub message: String,
}

/// Codes of error packets (RFC 1350, appendix "Error Codes"; RFC 2347 adds 8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    NotDefined = 0,
    FileNotFound = 1,
    AccessViolation = 2,
    IllegalOperation = 4,
}

/// The bytes are not a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    #[error("the packet is shorter than its kind")]
    Short,
    #[error("operation {0} is not one of TFTP")]
    Operation(u16),
    #[error("the request is larger than {REQUEST_BYTES_MAX} bytes")]
    LongRequest,
    #[error("the packet has a text without an end, or a half option")]
    Text,
}

impl<'a> Packet<'a> {
    /// Reads a whole datagram.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, PacketError> {
        let (operation, rest) = take_u16(bytes)?;
        match operation {
            READ => Request::parse(bytes.len(), rest).map(Self::Read),
            WRITE => Request::parse(bytes.len(), rest).map(Self::Write),
            DATA => take_u16(rest).map(|(block, body)| Self::Data { block, body }),
            ACKNOWLEDGEMENT => take_u16(rest).map(|(block, _)| Self::Acknowledgement(block)),
            ERROR => {
                let (code, message) = take_u16(rest)?;
                // Some firmware forgets the NUL; what an error says is only for the log.
                let end = message.iter().position(|byte| *byte == 0).unwrap_or(message.len());
                let message = String::from_utf8_lossy(&message[..end]).into_owned();
                Ok(Self::Error(ErrorPacket { code, message }))
            }
            OPTION_ACKNOWLEDGEMENT => options(&texts(rest)?).map(Self::OptionAcknowledgement),
            other => Err(PacketError::Operation(other)),
        }
    }

    /// The datagram.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        match self {
            Self::Read(request) => request.write(READ, &mut bytes),
            Self::Write(request) => request.write(WRITE, &mut bytes),
            Self::Data { block, body } => write_data(*block, body, &mut bytes),
            Self::Acknowledgement(block) => {
                bytes.extend_from_slice(&ACKNOWLEDGEMENT.to_be_bytes());
                bytes.extend_from_slice(&block.to_be_bytes());
            }
            Self::Error(ErrorPacket { code, message }) => {
                bytes.extend_from_slice(&ERROR.to_be_bytes());
                bytes.extend_from_slice(&code.to_be_bytes());
                write_text(message, &mut bytes);
            }
            Self::OptionAcknowledgement(options) => {
                bytes.extend_from_slice(&OPTION_ACKNOWLEDGEMENT.to_be_bytes());
                write_options(options, &mut bytes);
            }
        }
        bytes
    }

    /// An error of ours.
    pub fn error(code: ErrorCode, message: &str) -> Self {
        Self::Error(ErrorPacket { code: code as u16, message: message.to_owned() })
    }
}

/// A data packet, into a buffer that is used again and again.
pub fn write_data(block: u16, body: &[u8], bytes: &mut Vec<u8>) {
    bytes.clear();
    bytes.extend_from_slice(&DATA.to_be_bytes());
    bytes.extend_from_slice(&block.to_be_bytes());
    bytes.extend_from_slice(body);
}

impl Request {
    fn parse(packet_bytes: usize, rest: &[u8]) -> Result<Self, PacketError> {
        if packet_bytes > REQUEST_BYTES_MAX {
            return Err(PacketError::LongRequest);
        }
        let mut texts = texts(rest)?;
        if texts.len() < 2 {
            return Err(PacketError::Text);
        }
        let options = options(&texts.split_off(2))?;
        let (Some(mode), Some(file)) = (texts.pop(), texts.pop()) else { return Err(PacketError::Text) };
        Ok(Self { file, mode, options })
    }

    fn write(&self, operation: u16, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&operation.to_be_bytes());
        write_text(&self.file, bytes);
        write_text(&self.mode, bytes);
        write_options(&self.options, bytes);
    }
}

fn take_u16(bytes: &[u8]) -> Result<(u16, &[u8]), PacketError> {
    let (number, rest) = bytes.split_first_chunk().ok_or(PacketError::Short)?;
    Ok((u16::from_be_bytes(*number), rest))
}

/// Texts that each end with a NUL, nothing after the last.
fn texts(bytes: &[u8]) -> Result<Vec<String>, PacketError> {
    let Some((0, inner)) = bytes.split_last() else {
        return if bytes.is_empty() { Ok(Vec::new()) } else { Err(PacketError::Text) };
    };
    let text = |part: &[u8]| String::from_utf8(part.to_vec()).map_err(|_| PacketError::Text);
    inner.split(|byte| *byte == 0).map(text).collect()
}

fn options(texts: &[String]) -> Result<Vec<TransferOption>, PacketError> {
    let (pairs, half) = texts.as_chunks::<2>();
    if !half.is_empty() {
        return Err(PacketError::Text);
    }
    Ok(pairs
        .iter()
        .map(|[name, value]| TransferOption { name: name.clone(), value: value.clone() })
        .collect())
}

fn write_options(options: &[TransferOption], bytes: &mut Vec<u8>) {
    for option in options {
        write_text(&option.name, bytes);
        write_text(&option.value, bytes);
    }
}

fn write_text(text: &str, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(text.as_bytes());
    bytes.push(0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text() -> impl Strategy<Value = String> {
        "[ -~\u{e9}]{0,20}"
    }

    fn transfer_options() -> impl Strategy<Value = Vec<TransferOption>> {
        let option = (text(), text()).prop_map(|(name, value)| TransferOption { name, value });
        proptest::collection::vec(option, 0..4)
    }

    fn request() -> impl Strategy<Value = Request> {
        (text(), text(), transfer_options()).prop_map(|(file, mode, options)| Request { file, mode, options })
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(
            request in request(), options in transfer_options(), number: u16, message in text(),
            body in proptest::collection::vec(any::<u8>(), 0..600),
        ) {
            for packet in [
                Packet::Read(request.clone()),
                Packet::Write(request),
                Packet::Data { block: number, body: &body },
                Packet::Acknowledgement(number),
                Packet::Error(ErrorPacket { code: number, message }),
                Packet::OptionAcknowledgement(options),
            ] {
                let bytes = packet.to_bytes();
                prop_assert_eq!(&Packet::parse(&bytes).unwrap(), &packet);
            }
        }

        #[test]
        fn any_bytes_are_a_packet_or_an_error(
            operation in 0u16..8, bytes in proptest::collection::vec(any::<u8>(), 0..600)
        ) {
            let bytes = [&operation.to_be_bytes()[..], &bytes].concat();
            if let Ok(packet @ (Packet::Read(_) | Packet::Data { .. })) = Packet::parse(&bytes) {
                prop_assert_eq!(packet.to_bytes(), bytes);
            }
        }
    }

    #[test]
    fn half_requests_are_refused() {
        let cases: [(&[u8], PacketError); 7] = [
            (b"", PacketError::Short),
            (b"\0", PacketError::Short),
            (b"\0\x09", PacketError::Operation(9)),
            (b"\0\x01", PacketError::Text),
            (b"\0\x01file\0octet", PacketError::Text),
            (b"\0\x01file\0", PacketError::Text),
            (b"\0\x01file\0octet\0blksize\0", PacketError::Text),
        ];
        for (bytes, error) in cases {
            assert_eq!(Packet::parse(bytes), Err(error), "{bytes:?}");
        }
        let long = [b"\0\x01", &[b'a'; 600][..], b"\0octet\0"].concat();
        assert_eq!(Packet::parse(&long), Err(PacketError::LongRequest));
    }
}
