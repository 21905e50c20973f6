//! A tar stream whose names begin at the root of a container instead of at its working copy.
//!
//! An engine refuses a link that leads out of the folder that a tar is unpacked into, and a repository may rightly have such links: `git` checks them
//! out. So the working copy is filled from the root, out of which no link leads. (moby: `pkg/archive`, `createTarFile`, "invalid symlink".)

use crate::archive::{Rules, passed};
use bytes::Bytes;
use futures_util::Stream;
use std::io;
use tar::Header;

/// The tar with all names below `folder`, seen from the root or from where it is unpacked.
pub(crate) fn rooted<S>(folder: &str, tar: S) -> impl Stream<Item = io::Result<Bytes>> + Send + use<S>
where
    S: Stream<Item = io::Result<Bytes>> + Send + 'static,
{
    passed(tar, Rooting { folder: folder.trim_matches('/').as_bytes().to_vec() })
}

struct Rooting {
    /// Without the first slash and the last.
    folder: Vec<u8>,
}

impl Rules for Rooting {
    fn member(&mut self, name: &[u8], _: Option<&[u8]>, _: &mut Header) -> io::Result<Option<Vec<u8>>> {
        Ok(Some(self.target(name)))
    }

    fn target(&self, name: &[u8]) -> Vec<u8> {
        if self.folder.is_empty() { name.to_vec() } else { [self.folder.as_slice(), name].join(&b'/') }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::tests::{entries, header, through};
    use tar::EntryType;

    fn sample() -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        let long = "d".repeat(120);
        tar.append_data(&mut header(EntryType::Directory, 0), "./a/", io::empty()).unwrap();
        tar.append_data(&mut header(EntryType::Regular, 700), "a/中文", &[b'x'; 700][..]).unwrap();
        tar.append_data(&mut header(EntryType::Regular, 3), &long, &b"abc"[..]).unwrap();
        // Just too long for a header below the folder.
        tar.append_data(&mut header(EntryType::Regular, 0), "e".repeat(95), io::empty()).unwrap();
        tar.append_link(&mut header(EntryType::Symlink, 0), "out", "../../../etc/x").unwrap();
        tar.append_link(&mut header(EntryType::Symlink, 0), format!("{long}-link"), format!("../{long}")).unwrap();
        tar.into_inner().unwrap()
    }

    #[tokio::test]
    async fn every_name_is_below_the_folder_and_nothing_else_changes() {
        let sample = sample();
        let expected: Vec<_> = entries(&sample)
            .into_iter()
            .map(|(name, link, content)| (format!("drone/src/{}", name.trim_start_matches("./")), link, content))
            .collect();
        for piece in [1, 513, 1 << 20] {
            let rules = Rooting { folder: b"drone/src".to_vec() };
            assert_eq!(entries(&through(&sample, piece, rules).await.unwrap()), expected, "{piece}");
        }
    }
}
