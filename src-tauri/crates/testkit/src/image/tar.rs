//! Archives that need no compression to be valid: the same bytes on every build, whatever library is around.

use bytes::Bytes;

/// A tar archive (ustar) of some files, owned by root, dated 1970.
pub(super) fn archive<'a>(files: impl IntoIterator<Item = (&'a str, Bytes)>) -> Vec<u8> {
    let mut archive = Vec::new();
    for (path, bytes) in files {
        let mut header = [0_u8; 512];
        let mut field =
            |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
        field(0, path);
        field(100, "0000755");
        field(108, "0000000");
        field(116, "0000000");
        field(124, &format!("{:011o}", bytes.len()));
        field(136, "00000000000");
        field(148, "        ");
        field(156, "0");
        field(257, "ustar");
        field(263, "00");
        let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        archive.extend_from_slice(&header);
        archive.extend_from_slice(&bytes);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive.resize(archive.len() + 1024, 0);
    archive
}

/// A gzip wrapper around stored blocks.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    const BLOCK: usize = 0xFFFF;
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    let blocks = bytes.len().div_ceil(BLOCK).max(1);
    for number in 0..blocks {
        let block = &bytes[number * BLOCK..bytes.len().min((number + 1) * BLOCK)];
        let length = block.len() as u16;
        out.push(u8::from(number + 1 == blocks));
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&(!length).to_le_bytes());
        out.extend_from_slice(block);
    }
    out.extend_from_slice(&crc32(bytes).to_le_bytes());
    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    out
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 1 == 1 { 0xEDB8_8320 ^ (crc >> 1) } else { crc >> 1 };
    let table: [u32; 256] =
        std::array::from_fn(|byte| (0..8).fold(byte as u32, |crc, _| step(crc)));
    !bytes
        .iter()
        .fold(!0, |crc, &byte| table[((crc ^ u32::from(byte)) & 0xFF) as usize] ^ (crc >> 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_known_one() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }

    #[test]
    fn an_archive_is_whole_blocks() {
        let archive = archive([("bin/hello", Bytes::from_static(b"hi"))]);
        assert_eq!(archive.len(), 512 * 4);
        assert_eq!(&archive[..9], b"bin/hello");
        assert_eq!(&archive[512..514], b"hi");
    }
}
