//! Fills a working copy from the tar stream of a commit. The stream is not trusted: it comes from a repository.

use lp_model::{Message, message};
use std::io::{self, ErrorKind, Read};
use std::path::{Component, Path, PathBuf};
use tar::{Archive, EntryType};
use tokio::io::{AsyncRead, AsyncReadExt, DuplexStream};
use tokio::runtime::Handle;

/// Between the stream and the disk.
const BUFFER_BYTES: usize = 256 * 1024;

/// Unpacks the whole stream into `target`, or as much of it as comes before `stop`. False when it was stopped. In both cases nothing
/// writes to `target` any more when it returns.
pub(crate) async fn unpack(
    source: &mut (dyn AsyncRead + Send + Unpin),
    target: PathBuf,
    stop: impl Future<Output = ()>,
) -> io::Result<bool> {
    let (mut sender, receiver) = tokio::io::duplex(BUFFER_BYTES);
    let unpacked = tokio::task::spawn_blocking(move || read_all(receiver, &target));
    let copied = tokio::select! {
        copied = tokio::io::copy(source, &mut sender) => Some(copied),
        () = stop => None,
    };
    // The disk end sees the end of the stream now, wherever that is.
    drop(sender);
    let unpacked = unpacked.await.map_err(io::Error::other).flatten();
    match (copied, unpacked) {
        (None, _) => Ok(false),
        // The disk end gave up first: it knows why.
        (Some(Err(error)), Err(why)) if error.kind() == ErrorKind::BrokenPipe => Err(why),
        // Otherwise the archive is short because the stream was.
        (Some(Err(error)), _) => Err(error),
        (Some(Ok(_)), unpacked) => unpacked.map(|()| true),
    }
}

/// The receiving end for code that blocks.
struct Blocking(DuplexStream, Handle);

impl Read for Blocking {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.1.block_on(self.0.read(buffer))
    }
}

fn read_all(receiver: DuplexStream, target: &Path) -> io::Result<()> {
    let mut reader = Blocking(receiver, Handle::current());
    unpack_archive(&mut reader, target)?;
    // What follows the end mark is padding; it is read so that the sending end finishes.
    io::copy(&mut reader, &mut io::sink())?;
    Ok(())
}

fn unpack_archive(reader: &mut impl Read, target: &Path) -> io::Result<()> {
    let mut archive = Archive::new(reader);
    // Executable bits stay; a file is never open for others to write, whatever the archive says.
    archive.set_mask(0o022);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        match entry.header().entry_type() {
            EntryType::XGlobalHeader => continue,
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse | EntryType::Directory | EntryType::Symlink => {}
            // Git knows no others, and each of them is a way out: a hard link to any file, a device.
            other => {
                return Err(refusal(message!(
                    "`{}` is of a kind that a commit cannot have ({})",
                    path.display(),
                    format_args!("{other:?}")
                )));
            }
        }
        if !path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
            return Err(refusal(message!("`{}` leaves the working copy", path.display())));
        }
        // Also refuses to write through a symbolic link that leads outside: it resolves the parent first.
        if !entry.unpack_in(target)? {
            return Err(refusal(message!("`{}` leaves the working copy", path.display())));
        }
    }
    Ok(())
}

fn refusal(why: Message) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::future::{pending, ready};
    use std::os::unix::fs::PermissionsExt;
    use tar::{Builder, Header};

    /// An entry with any name, also one that the builder would refuse.
    fn entry(builder: &mut Builder<Vec<u8>>, kind: EntryType, path: &str, link: &str, mode: u32, content: &[u8]) {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(content.len() as u64);
        let gnu = header.as_gnu_mut().unwrap();
        gnu.name[..path.len()].copy_from_slice(path.as_bytes());
        gnu.linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_cksum();
        builder.append(&header, content).unwrap();
    }

    async fn unpacked(archive: Vec<u8>) -> (tempfile::TempDir, io::Result<()>) {
        let temp = tempfile::tempdir().unwrap();
        let target = temp.path().join("work");
        fs::create_dir(&target).unwrap();
        let result = unpack(&mut &archive[..], target, pending()).await;
        (temp, result.map(|complete| assert!(complete)))
    }

    #[tokio::test]
    async fn a_commit_comes_out_as_it_is() {
        let mut builder = Builder::new(Vec::new());
        entry(&mut builder, EntryType::XGlobalHeader, "pax_global_header", "", 0o644, b"16 comment=abc\n");
        entry(&mut builder, EntryType::Directory, "empty/", "", 0o777, b"");
        entry(&mut builder, EntryType::Regular, "bin/run", "", 0o777, b"#!/bin/sh\n");
        entry(&mut builder, EntryType::Regular, "./readme", "", 0o644, b"text");
        entry(&mut builder, EntryType::Regular, "文件夹/发布 说明.md", "", 0o644, "好".as_bytes());
        entry(&mut builder, EntryType::Symlink, "link", "bin/run", 0o777, b"");
        let long = format!("{}/file", "deep/".repeat(60));
        let mut header = Header::new_gnu();
        header.set_size(1);
        header.set_mode(0o644);
        builder.append_data(&mut header, &long, &b"x"[..]).unwrap();
        let (temp, result) = unpacked(builder.into_inner().unwrap()).await;
        result.unwrap();
        let work = temp.path().join("work");
        let mode = |path: &str| fs::metadata(work.join(path)).unwrap().permissions().mode() & 0o7777;
        assert_eq!((mode("bin/run"), mode("readme"), mode("empty")), (0o755, 0o644, 0o755));
        assert_eq!(fs::read_to_string(work.join("文件夹/发布 说明.md")).unwrap(), "好");
        assert_eq!(fs::read_link(work.join("link")).unwrap(), Path::new("bin/run"));
        assert_eq!(fs::read_to_string(work.join(long)).unwrap(), "x");
    }

    #[tokio::test]
    async fn nothing_is_written_outside() {
        let temp = tempfile::tempdir().unwrap();
        let outside = temp.path().join("outside");
        fs::create_dir(&outside).unwrap();
        let link = outside.to_str().unwrap();
        let cases: [&[(EntryType, &str, &str)]; 8] = [
            &[(EntryType::Regular, "../evil", "")],
            &[(EntryType::Regular, "a/../../evil", "")],
            &[(EntryType::Regular, "/evil", "")],
            &[(EntryType::Symlink, "out", link), (EntryType::Regular, "out/evil", "")],
            &[(EntryType::Symlink, "up", ".."), (EntryType::Regular, "up/evil", "")],
            &[(EntryType::Symlink, "out", link), (EntryType::Symlink, "in", "out"), (EntryType::Directory, "in/evil", "")],
            &[(EntryType::Link, "hard", "/etc/hostname")],
            &[(EntryType::Fifo, "pipe", "")],
        ];
        for case in cases {
            let mut builder = Builder::new(Vec::new());
            for (kind, path, link) in case {
                entry(&mut builder, *kind, path, link, 0o644, b"");
            }
            let (work, result) = unpacked(builder.into_inner().unwrap()).await;
            assert!(result.is_err(), "{case:?}");
            assert_eq!(fs::read_dir(&outside).unwrap().count(), 0, "{case:?}");
            assert_eq!(fs::read_dir(work.path()).unwrap().count(), 1, "{case:?}");
        }
    }

    #[tokio::test]
    async fn a_file_replaces_a_link_instead_of_following_it() {
        let temp = tempfile::tempdir().unwrap();
        let victim = temp.path().join("victim");
        fs::write(&victim, "kept").unwrap();
        let mut builder = Builder::new(Vec::new());
        entry(&mut builder, EntryType::Symlink, "x", victim.to_str().unwrap(), 0o777, b"");
        entry(&mut builder, EntryType::Regular, "x", "", 0o644, b"new");
        let (work, result) = unpacked(builder.into_inner().unwrap()).await;
        result.unwrap();
        assert_eq!(fs::read_to_string(&victim).unwrap(), "kept");
        assert_eq!(fs::read_to_string(work.path().join("work/x")).unwrap(), "new");
    }

    #[tokio::test]
    async fn a_stream_that_breaks_off_is_an_error_with_its_reason() {
        struct Broken(Vec<u8>);
        impl AsyncRead for Broken {
            fn poll_read(
                mut self: std::pin::Pin<&mut Self>,
                _: &mut std::task::Context<'_>,
                buf: &mut tokio::io::ReadBuf<'_>,
            ) -> std::task::Poll<io::Result<()>> {
                if self.0.is_empty() {
                    return std::task::Poll::Ready(Err(io::Error::other("object missing")));
                }
                let n = self.0.len().min(buf.remaining());
                buf.put_slice(&self.0[..n]);
                self.0.drain(..n);
                std::task::Poll::Ready(Ok(()))
            }
        }
        let mut builder = Builder::new(Vec::new());
        entry(&mut builder, EntryType::Regular, "a", "", 0o644, &[1; 1000]);
        let archive = builder.into_inner().unwrap();
        // At the end of an entry, where the archive alone looks complete, and in the middle of one.
        for len in [1536, 700] {
            let temp = tempfile::tempdir().unwrap();
            let error = unpack(&mut Broken(archive[..len].to_vec()), temp.path().into(), pending()).await.unwrap_err();
            assert_eq!(error.to_string(), "object missing");
        }
        let (_temp, result) = unpacked(archive[..700].to_vec()).await;
        assert!(result.is_err());
    }

    #[tokio::test]
    async fn it_can_be_stopped() {
        let temp = tempfile::tempdir().unwrap();
        let (mut silent, _never_written) = tokio::io::duplex(1);
        assert!(!unpack(&mut silent, temp.path().into(), ready(())).await.unwrap());
    }
}
