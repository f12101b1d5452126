//! Rows packed and unpacked piece by piece, so that their size does not matter.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::{GzDecoder, GzEncoder};
use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

/// Bytes of one piece.
const PIECE: usize = 256 * 1024;
/// Pieces that wait to be written.
const WAITING: usize = 4;

type Piece = anyhow::Result<Bytes>;

/// The packed pieces of what comes.
pub fn packed<'a>(pieces: impl Stream<Item = Piece> + Send + 'a) -> BoxStream<'a, Piece> {
    let packer = Some(GzEncoder::new(Vec::new(), Compression::default()));
    let packed = stream::unfold((Box::pin(pieces), packer), async |(mut pieces, packer)| {
        let mut packer = packer?;
        while packer.get_ref().len() < PIECE {
            match pieces.next().await {
                Some(Ok(piece)) => match packer.write_all(&piece) {
                    Ok(()) => {}
                    Err(error) => return Some((Err(error.into()), (pieces, None))),
                },
                Some(Err(error)) => return Some((Err(error), (pieces, None))),
                None => return Some((packer.finish().map(Bytes::from).map_err(Into::into), (pieces, None))),
            }
        }
        Some((Ok(std::mem::take(packer.get_mut()).into()), (pieces, Some(packer))))
    });
    packed.boxed()
}

/// What was packed, as it comes. It ends with an error if the end is missing.
pub fn unpacked<'a>(pieces: impl Stream<Item = Piece> + Send + 'a) -> BoxStream<'a, Piece> {
    let unpacker = Some(GzDecoder::new(Vec::new()));
    let unpacked = stream::unfold((Box::pin(pieces), unpacker), async |(mut pieces, unpacker)| {
        let mut unpacker = unpacker?;
        let unpacked = match pieces.next().await {
            Some(Ok(piece)) => match unpacker.write_all(&piece) {
                Ok(()) => return Some((Ok(std::mem::take(unpacker.get_mut()).into()), (pieces, Some(unpacker)))),
                Err(error) => Err(anyhow::Error::new(error).context("unpacking the rows")),
            },
            Some(Err(error)) => Err(error),
            None => unpacker.finish().map(Bytes::from).context("unpacking the rows"),
        };
        Some((unpacked, (pieces, None)))
    });
    unpacked.boxed()
}

/// The packed pieces of a file.
pub fn file(path: PathBuf) -> BoxStream<'static, Piece> {
    let (sender, receiver) = mpsc::channel(WAITING);
    tokio::task::spawn_blocking(move || {
        let read = || -> anyhow::Result<()> {
            let (mut file, mut piece) = (File::open(&path)?, vec![0; PIECE]);
            loop {
                let read = file.read(&mut piece)?;
                // Whoever wrote has given up: its own error says why.
                if read == 0 || sender.blocking_send(Ok(Bytes::copy_from_slice(&piece[..read]))).is_err() {
                    return Ok(());
                }
            }
        };
        if let Err(error) = read() {
            let _ = sender.blocking_send(Err(error));
        }
    });
    packed(ReceiverStream::new(receiver))
}

/// Unpacks into a new file, which appears only once it is whole and on the disk.
pub async fn unpack(pieces: impl Stream<Item = Piece> + Send, into: &Path) -> anyhow::Result<()> {
    let fresh = into.with_extension("restoring");
    let writing = || format!("writing {}", fresh.display());
    let mut file = File::create(&fresh).with_context(writing)?;
    let mut pieces = unpacked(pieces);
    while let Some(piece) = pieces.next().await {
        file.write_all(&piece?).with_context(writing)?;
    }
    file.sync_all().with_context(writing)?;
    std::fs::rename(&fresh, into).with_context(|| format!("writing {}", into.display()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use futures_util::TryStreamExt;

    #[tokio::test]
    async fn what_was_packed_comes_back_and_what_lacks_its_end_does_not() {
        let noise: Vec<u8> = (0..3 * PIECE as u64).map(|n| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect();
        let pieces: Vec<Piece> = noise.chunks(10_000).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        let packed: Vec<Bytes> = packed(stream::iter(pieces)).try_collect().await.unwrap();
        let back: Vec<Bytes> = unpacked(stream::iter(packed.clone()).map(Ok)).try_collect().await.unwrap();
        assert_eq!(back.concat(), noise);
        let short = packed[..packed.len() - 1].to_vec();
        assert!(unpacked(stream::iter(short).map(Ok)).try_collect::<Vec<_>>().await.is_err());
    }
}
